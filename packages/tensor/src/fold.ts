import type { Primitive } from './primitives.js';

/** Scalar value of an element-wise primitive, or undefined where constants of it are not folded. */
export function foldElementwise(primitive: Primitive, operands: readonly number[]): number | undefined {
  const [a = NaN, b = NaN] = operands;
  switch (primitive) {
    case 'neg':
      return -a;
    case 'exp':
      return Math.exp(a);
    case 'log':
      return Math.log(a);
    case 'sqrt':
      return Math.sqrt(a);
    case 'square':
      return a * a;
    case 'sin':
      return Math.sin(a);
    case 'cos':
      return Math.cos(a);
    case 'tanh':
      return Math.tanh(a);
    case 'sigmoid':
      return 1 / (1 + Math.exp(-a));
    case 'silu':
      return a / (1 + Math.exp(-a));
    case 'abs':
      return Math.abs(a);
    case 'sign':
      return Math.sign(a);
    case 'add':
      return a + b;
    case 'sub':
      return a - b;
    case 'mul':
      return a * b;
    case 'div':
      return a / b;
    default:
      return undefined;
  }
}

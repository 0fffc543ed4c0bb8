import { isFloat } from '../graph/dtype.js';
import type { Primitive } from '../graph/primitives.js';
import { broadcastShapes } from '../graph/shape.js';
import { full, type Tensor } from '../graph/tensor.js';

/** Element-wise functions of floats, computed while a program is built if every operand is one number repeated. */
const scalarFunctions: { readonly [P in Primitive]?: (a: number, b: number) => number } = {
  neg: (a) => -a,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  square: (a) => a * a,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sigmoid: (a) => 1 / (1 + Math.exp(-a)),
  silu: (a) => a / (1 + Math.exp(-a)),
  softplus: (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))),
  abs: Math.abs,
  sign: Math.sign,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  maximum: Math.max,
  minimum: Math.min,
};

/** True for a constant whose elements are all one number: `value`, if given. */
export function isSplat(x: Tensor, value?: number): x is Tensor<'constant'> {
  return x.is('constant') && x.attributes.data.length === 1 && (value === undefined || x.attributes.data[0] === value);
}

/** The number that the constant repeats. */
export function valueOf(x: Tensor<'constant'>): number {
  return x.attributes.data[0]!;
}

/**
 * The constant that results from an element-wise primitive on repeated numbers; undefined if the result is not a
 * constant.
 */
export function fold(primitive: Primitive, operands: readonly Tensor[]): Tensor<'constant'> | undefined {
  const f = scalarFunctions[primitive];
  if (f === undefined) return undefined;
  const values: number[] = [];
  for (const operand of operands) {
    if (!isSplat(operand) || !isFloat(operand.dtype)) return undefined;
    values.push(valueOf(operand));
  }
  const shapes = operands.map(({ shape }) => shape);
  const shape = broadcastShapes(primitive, shapes);
  return full(f(values[0]!, values[1] ?? NaN), shape, operands[0]!.dtype) as Tensor<'constant'>;
}

import { dataTypes, type Graph } from '../graph.js';
import type { Lowering } from './context.js';
import { maximum } from './reductions.js';
import type { Rules } from './rules.js';
import { standardRules } from './table.js';

// The first two parts of pi have so few bits that their products with a half-integer below 2^15 are exact in float32:
// subtracting the parts in turn leaves the remainder of a division by pi without cancellation.
const high = 201 / 64;
const middle = 9.67502593994140625e-4;
const pi = [high, middle, Math.PI - high - middle] as const;

/** Taylor coefficients of `sin(r) / r` in `r^2`: for `|r| <= pi / 2` the next term is below 6e-8. */
const series = [1, -1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800] as const;

/** `shift` is 0 for the sine and 1/2 for the cosine: `sin(x + shift pi) = (-1)^k sin(r)`, `r = x - (k - shift) pi`. */
const wave =
  (shift: 0 | 0.5): Lowering<'sin' | 'cos'> =>
  ({ operands: [x], dtype }, { graph, value }) => {
    // A float16 has too few digits for the parts of pi.
    const argument = dtype === 'float16' ? graph.node('Cast', [value(x!)], { to: dataTypes.float32 }) : value(x!);
    const operation = (name: string, a: string, b: string | number): string =>
      graph.node(name, [a, typeof b === 'number' ? graph.scalar(b) : b]);
    const halfTurns = operation('Mul', argument, 1 / Math.PI);
    const k = graph.node('Floor', [operation('Add', halfTurns, shift + 0.5)]);
    const turns = shift === 0 ? k : operation('Sub', k, shift);
    const r = pi.reduce((rest, part) => operation('Sub', rest, operation('Mul', turns, part)), argument);
    const ratio = polynomial(operation('Mul', r, r), graph);
    // (-1)^k = 1 - 2 (k mod 2) = 1 - 2 k + 4 floor(k / 2)
    const odd = operation('Sub', k, operation('Mul', graph.node('Floor', [operation('Mul', k, 0.5)]), 2));
    const sign = operation('Add', operation('Mul', odd, -2), 1);
    const result = operation('Mul', operation('Mul', r, ratio), sign);
    return dtype === 'float16' ? graph.node('Cast', [result], { to: dataTypes.float16 }) : result;
  };

/** The series at `x`, by Horner's rule. */
function polynomial(x: string, graph: Graph): string {
  const [highest, ...lower] = [...series].reverse();
  return lower.reduce((sum, coefficient, i) => {
    const product = graph.node('Mul', [i === 0 ? graph.scalar(highest!) : sum, x]);
    return graph.node('Add', [product, graph.scalar(coefficient)]);
  }, '');
}

/**
 * The rules for the WebGPU provider: those for the CPU, except for
 *
 * - sine and cosine. WebGPU's own may be off by 2^-11, and even that holds only between -pi and pi (WGSL specification,
 *   accuracy of built-in functions); these are off by about 2^-22, and at 10^5 by 2^-20;
 * - the maximum over axes, where a comparison detects NaN;
 * - `Gemm` with a scalar addend, on which onnxruntime 1.30 ends the process.
 */
export const webgpuRules: Rules = {
  ...standardRules,
  lowerings: {
    ...standardRules.lowerings,
    sin: wave(0),
    cos: wave(0.5),
    // Its Clip loses NaN.
    reduceMax: maximum((x, dtype, graph) => {
      const isNumber = graph.node('Equal', [x, x]);
      return graph.node('Where', [isNumber, graph.scalar(0, dtype), graph.scalar(NaN, dtype)]);
    }),
  },
  gemmAddsScalars: false,
};

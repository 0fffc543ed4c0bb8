import type { UnaryPrimitive } from '@flowmap/tensor';
import type { Value } from '../emitter.js';
import type { Lowering } from '../lowerings/lowering.js';
import { binary, unary } from '../operations/arithmetic.js';

// The first two parts of pi have so few bits that their products with a half-integer below 2^15 are exact in float32:
// subtracting the parts in turn leaves the remainder of a division by pi without cancellation.
const high = 201 / 64;
const middle = 9.67502593994140625e-4;
const pi = [high, middle, Math.PI - high - middle] as const;

/** Taylor coefficients of `sin(r) / r` in `r^2`: for `|r| <= pi / 2` the next term is below 6e-8. */
const series = [1, -1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800] as const;

/**
 * Sine, or cosine with a shift of 1/2: `sin(x + shift pi) = (-1)^k sin(r)`, `r = x - (k - shift) pi`. Those of WebGL
 * and WebGPU may be off by 2^-11, and even that holds only between -pi and pi (WGSL specification, accuracy of built-in
 * functions).
 */
export function wave(shift: 0 | 0.5): Lowering<UnaryPrimitive> {
  return (emit, [x]) => {
    const scalar = (value: number): Value => emit.constant({ shape: [], dtype: 'float32' }, Float64Array.of(value));
    const by = (kernel: string, a: Value, b: Value | number): Value =>
      binary(emit, kernel, a, typeof b === 'number' ? scalar(b) : b);
    const halfTurns = by('Multiply', x!, 1 / Math.PI);
    const k = unary(emit, 'Floor', by('Add', halfTurns, shift + 0.5));
    const turns = shift === 0 ? k : by('Sub', k, shift);
    const r = pi.reduce((rest, part) => by('Sub', rest, by('Multiply', turns, part)), x!);
    const squared = by('Multiply', r, r);
    const [highest, ...lower] = series.toReversed();
    const ratio = lower.reduce((sum, c) => by('Add', by('Multiply', squared, sum), c), scalar(highest!));
    // (-1)^k = 1 - 2 (k mod 2) = 1 - 2 k + 4 floor(k / 2)
    const odd = by('Sub', k, by('Multiply', unary(emit, 'Floor', by('Multiply', k, 0.5)), 2));
    const sign = by('Add', by('Multiply', odd, -2), 1);
    return by('Multiply', by('Multiply', r, ratio), sign);
  };
}

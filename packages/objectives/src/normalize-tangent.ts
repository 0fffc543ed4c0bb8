import type { Tensor } from '@flowmap/tensor';
import { sampleNorm, sampleSize } from './internal/norms.js';

/** Norm of a tangent over all values of a sample: L2, or root mean square, which is `l2 / sqrt(D)` for D values. */
export type TangentNorm = (typeof TANGENT_NORMS)[number];

export const TANGENT_NORMS = ['l2', 'rms'] as const;

/**
 * Tangent normalisation `g / (||g|| + c)` (AYF, section 3.4).
 *
 * @param g `[batch, ...shape]`
 * @param c constant that keeps small tangents small; 0.1 unless given, `Infinity` = no normalisation
 * @param norm `l2` unless given
 * @returns shaped as `g`
 */
export function normalizeTangent(g: Tensor, c = 0.1, norm: TangentNorm = 'l2'): Tensor {
  if (c === Infinity) return g;
  const length = norm === 'l2' ? sampleNorm(g) : sampleNorm(g).mul(1 / Math.sqrt(sampleSize(g)));
  return g.div(length.add(c));
}

import { perSample, type ObjectiveResult } from '@flowmap/core';
import { or, select, type Tensor } from '@flowmap/tensor';
import { meanNorm, meanSquare, sampleNorm } from './norms.js';

/**
 * The loss `w || F - target ||^2`, summed over a sample's values and averaged over the batch, and mean L2 norms to log.
 *
 * `quarantine` leaves samples whose g is not finite out of the loss and the metrics, and counts them in the metric
 * `quarantined`. They are selected away, so values and gradients are those of the batch without them. If no sample is
 * finite, none is left out, so that training stops.
 *
 * @param F the student's average velocity, `[batch, ...shape]`
 * @param target what F is pulled to, shaped like F; no gradient flows through it
 * @param normed what to log the mean norm of, by name, each shaped like F
 * @param options.g the tangent, shaped like F, which decides what is finite
 * @param options.weights `[batch]`; 1 unless given
 */
export function batchLoss(
  F: Tensor,
  target: Tensor,
  normed: Readonly<Record<string, Tensor>>,
  {
    g,
    weights,
    quarantine,
  }: { readonly g: Tensor; readonly weights?: Tensor | undefined; readonly quarantine: boolean },
): ObjectiveResult {
  const named = (value: (x: Tensor) => Tensor): Record<string, Tensor> =>
    Object.fromEntries(Object.entries(normed).map(([name, x]) => [name, value(x)]));
  const w = weights && perSample(weights, F);
  const error = F.sub(target);
  if (!quarantine) return { loss: meanSquare(error, w), metrics: named(meanNorm) };

  const isFinite = sampleNorm(g).less(Infinity); // false for NaN
  const isKept = or(isFinite, isFinite.cast('float32').sum().equal(0));
  const kept = isKept.cast('float32').sum();
  const batch = F.shape[0]!;
  const share = kept.div(batch);
  const loss = meanSquare(select(isKept, error, 0), w).div(share);
  const means = named((x) => select(isKept, sampleNorm(x), 0).mean().div(share));
  return { loss, metrics: { ...means, quarantined: kept.neg().add(batch) } };
}

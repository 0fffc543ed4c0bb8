import { gradients, type Tensor } from '@flowmap/tensor';

/**
 * `|| dD/dx ||²` of each sample, summed over all its values: R1 where `x` is data, R2 where it is generated (Mescheder,
 * Geiger, Nowozin 2018). The gradient of the penalty with respect to the discriminator's parameters is a gradient of
 * this gradient, and exact.
 *
 * If the logit of a sample depends on others, as with the minibatch deviation, it is the gradient of the logits'
 * sum.
 *
 * @param logits `[batch]`, computed from `x`
 * @param x the samples `[batch, ...shape]`
 * @returns `[batch]`
 */
export function squaredGradientNorm(logits: Tensor, x: Tensor): Tensor {
  const [slope] = gradients(logits.sum(), [x]);
  return slope!.square().sum(axesOfSample(x));
}

/**
 * An estimate of `|| dD/dx ||²` of each sample without derivatives, `((D(x + h n) - D(x)) / h)²` with normal noise `n`:
 * one more evaluation instead of a gradient. Its mean over the noise is `|| dD/dx ||² + O(h²)`; a single draw is as
 * uncertain as the square of a normal number.
 *
 * @param logitsAt the discriminator's logits `[batch]` at samples
 * @param options.logits `logitsAt(x)`
 * @param options.x the samples `[batch, ...shape]`
 * @param options.noise standard normal, shaped as `x`
 * @param options.step `h`, small compared with the distances over which the discriminator changes; not below 1e-3 in float32
 * @returns `[batch]`
 */
export function squaredDifference(
  logitsAt: (x: Tensor) => Tensor,
  { logits, x, noise, step }: Readonly<Record<'logits' | 'x' | 'noise', Tensor>> & { readonly step: number },
): Tensor {
  return logitsAt(x.add(noise.mul(step)))
    .sub(logits)
    .mul(1 / step)
    .square();
}

function axesOfSample(x: Tensor): number[] {
  return x.shape.slice(1).map((_, axis) => axis + 1);
}

import type { Tensor } from '@flowmap/tensor';

/**
 * What the discriminator and the generator minimise, as functions of the discriminator's logits `[batch]` on data and
 * on generated samples; each returns a scalar, the mean over the batch.
 */
export interface AdversarialLoss {
  readonly name: string;
  discriminator(real: Tensor, fake: Tensor): Tensor;
  generator(real: Tensor, fake: Tensor): Tensor;
  /** The fraction that the discriminator classifies correctly. */
  accuracy(real: Tensor, fake: Tensor): Tensor;
}

/**
 * Relativistic pairing (RpGAN: Jolicoeur-Martineau 2018; with both gradient penalties R3GAN: Huang, Gokaslan, Kuleshov,
 * Tompkin 2024). The discriminator tells which of two samples, one real and one generated, is the real one; sample `i`
 * of the data is paired with generated sample `i`.
 */
export const relativisticPairing: AdversarialLoss = {
  name: 'relativistic pairing',
  discriminator: (real, fake) => fake.sub(real).softplus().mean(),
  generator: (real, fake) => real.sub(fake).softplus().mean(),
  accuracy: (real, fake) => share(real.greater(fake)),
};

/** The logistic loss with the non-saturating generator (Goodfellow et al. 2014). */
export const nonSaturating: AdversarialLoss = {
  name: 'non-saturating',
  discriminator: (real, fake) => real.neg().softplus().mean().add(fake.softplus().mean()),
  generator: (_, fake) => fake.neg().softplus().mean(),
  accuracy: bySign,
};

/** The hinge loss (Lim and Ye 2017): logits beyond 1 on the correct side no longer count. */
export const hinge: AdversarialLoss = {
  name: 'hinge',
  discriminator(real, fake) {
    const below = (x: Tensor): Tensor => x.neg().add(1).maximum(0).mean();
    return below(real).add(below(fake.neg()));
  },
  generator: (_, fake) => fake.neg().mean(),
  accuracy: bySign,
};

/** The fraction of samples with the right sign: positive logits for real, negative ones for generated samples. */
function bySign(real: Tensor, fake: Tensor): Tensor {
  return share(real.greater(0))
    .add(share(fake.less(0)))
    .mul(0.5);
}

function share(isRight: Tensor): Tensor {
  return isRight.cast('float32').mean();
}

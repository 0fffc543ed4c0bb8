export { hinge, nonSaturating, relativisticPairing, type AdversarialLoss } from './losses.js';
export { squaredDifference, squaredGradientNorm } from './penalties.js';
export {
  defineDiscriminator,
  type Discriminator,
  type DiscriminatorDefinition,
  type DiscriminatorInputs,
  type Judgement,
} from './discriminator.js';
export { mlpDiscriminator, type MlpDiscriminatorOptions } from './mlp-discriminator.js';
export {
  residualDiscriminator,
  smallDiscriminator,
  type ResidualDiscriminatorOptions,
} from './residual-discriminator.js';
export {
  projectedDiscriminator,
  type FrozenFeatures,
  type ProjectedDiscriminatorOptions,
} from './projected-discriminator.js';
export { modelFeatures, type ModelFeaturesOptions } from './model-features.js';
export { differentiableAugmentation, type Augmentation, type AugmentationOptions } from './augmentation.js';
export { discriminatorTrainee, type DiscriminatorTraineeOptions } from './discriminator-trainee.js';
export { finetune, type BalanceOptions, type FinetuneOptions, type PenaltyOptions } from './finetune.js';
export { adversarialGuard, type AdversarialGuardOptions } from './adversarial-guard.js';
export { AdversarialStopError } from './errors.js';

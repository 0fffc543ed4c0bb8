export { autoguidance, type AutoguidanceOptions, type Guide, type Guided } from './autoguidance.js';
export { classifierFree, type ClassifierFreeOptions } from './classifier-free.js';
export { guidedModel, guidedNetwork, type GuidedConfig, type GuidedModelOptions } from './guided-model.js';
export {
  rankWeakModels,
  type RankedGuidance,
  type RankWeakModelsOptions,
  type WeakModelRanking,
} from './rank-weak-models.js';
export {
  droppedWeights,
  noisyWeights,
  type DroppedWeightsOptions,
  type NoisyWeightsOptions,
} from './weaker-weights.js';
export { withGuidance, type WithGuidanceOptions } from './with-guidance.js';
export { withLabelDropout, type LabelDropoutOptions } from './with-label-dropout.js';
export type { NullConditions } from './internal/null-conditions.js';
export type { GuidanceScale } from './internal/scale.js';

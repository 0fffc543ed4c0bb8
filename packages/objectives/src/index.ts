export { ayfEmd, AYF_EMD_PRESETS, tangentWarmup, type AyfEmdOptions, type AyfEmdPreset } from './ayf-emd.js';
export { ayfLmd, type AyfLmdOptions } from './ayf-lmd.js';
export { bothOrders, type IntervalOrders } from './both-orders.js';
export { flowMatching, type FlowMatchingOptions } from './flow-matching.js';
export {
  logitNormalLengths,
  logUniformLengths,
  sampleIntervals,
  type DrawKey,
  type IntervalLengths,
} from './intervals.js';
export { cosineWeight, lengthWeight, type LossWeight } from './loss-weights.js';
export { normalizeTangent, type TangentNorm } from './normalize-tangent.js';

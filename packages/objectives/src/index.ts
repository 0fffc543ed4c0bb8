export {
  ayfEmd,
  AYF_EMD_PRESETS,
  normalizeTangent,
  tangentWarmup,
  type AyfEmdOptions,
  type AyfEmdPreset,
} from './ayf-emd.js';
export { ayfLmd, type AyfLmdOptions } from './ayf-lmd.js';
export { flowMatching, type FlowMatchingOptions } from './flow-matching.js';
export {
  logitNormalLengths,
  logUniformLengths,
  sampleIntervals,
  type DrawKey,
  type IntervalLengths,
} from './intervals.js';

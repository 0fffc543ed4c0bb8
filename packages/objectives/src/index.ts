export { ayfEmd, normalizeTangent, sampleIntervals, tangentWarmup, type AyfEmdOptions } from './ayf-emd.js';
export { flowMatching, type FlowMatchingOptions } from './flow-matching.js';

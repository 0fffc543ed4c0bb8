export { describeNetwork, type NetworkContract, type NetworkVariant } from './describe-network.js';
export { describeSampler, type SamplerContract } from './describe-sampler.js';

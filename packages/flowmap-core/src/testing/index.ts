export { describeChecks, failedChecks, type Check } from './check.js';
export { datasetChecks, describeDataset, type DatasetContract } from './describe-dataset.js';
export { describeNetwork, type NetworkContract, type NetworkVariant } from './describe-network.js';
export { describeOptimizer, optimizerChecks, type OptimizerContract } from './describe-optimizer.js';
export { describeSampler, type SamplerContract } from './describe-sampler.js';

export { describeNetwork, type NetworkContract, type NetworkVariant } from './describe-network.js';

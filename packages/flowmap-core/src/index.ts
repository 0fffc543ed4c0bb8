export { FlowmapError, fillNormals, normalBatch, normals, uniforms, type RandomKey } from '@flowmap/tensor';
export { CheckpointError, ConfigError, DataError } from './errors.js';
export { conditionalVelocity, interpolate, perSample } from './path.js';
export { flowMap } from './flow-map.js';
export type {
  Batch,
  Dataset,
  FlowMap,
  Network,
  NetworkConfig,
  NetworkInputs,
  Objective,
  ObjectiveContext,
  ObjectiveResult,
  Progress,
  Times,
  VelocityField,
} from './plugins.js';
export { mlp, type MlpConfig, type MlpOptions } from './networks/mlp.js';
export { dit, type DitConfig, type DitOptions } from './networks/dit.js';
export { unet, type UnetConfig, type UnetOptions } from './networks/unet.js';
export { defineNetwork } from './networks/network.js';
export { networkFromConfig, registerNetwork, type NetworkFactory } from './networks/registry.js';
export { collect, convolution, dense, type Layer, type ParameterSpec, type ParameterSpecs } from './networks/layers.js';
export { conditioning, timeFeatures, type Conditioning } from './networks/conditioning.js';

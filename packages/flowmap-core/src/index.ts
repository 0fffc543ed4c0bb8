export {
  causeText,
  FlowmapError,
  fillNormals,
  hostTensor,
  normalBatch,
  inWords,
  normals,
  quoted,
  requireKnownOptions,
  uniforms,
  type OptionNames,
  type RandomKey,
} from '@flowmap/tensor';
export {
  CheckpointError,
  ConfigError,
  DataError,
  FolderInUseError,
  SampleError,
  ToleranceError,
  WriteError,
  type FolderHolder,
} from './errors.js';
export {
  conditionalVelocity,
  interpolate,
  linearPath,
  perSample,
  trigonometricPath,
  type Location,
  type Path,
  type PathName,
} from './path.js';
export {
  eulerParametrization,
  trigonometricOutput,
  trigonometricParametrization,
  type Parametrization,
  type ParametrizationName,
} from './parametrization.js';
export { flowMap } from './flow-map.js';
export { cosineNoise, veNoise, vpNoise, type NoiseSchedule } from './noise-schedules.js';
export {
  edmDenoiser,
  velocityFromDenoiser,
  velocityFromNoisePrediction,
  velocityFromVPrediction,
  velocityOnPath,
  type Predictor,
  type PredictorOptions,
} from './velocity-from.js';
export { alignTimeEmbedding, edmNoiseTime, type TimeAlignment, type TimeAlignmentOptions } from './time-alignment.js';
export { opaqueField, type OpaqueMapping } from './opaque-field.js';
export { batchSpecs, classConditions, classCount, requireConditions, type ConditionSpecs } from './conditions.js';
export type {
  Batch,
  ConditionSpec,
  Dataset,
  Draws,
  FlowMap,
  Module,
  Network,
  NetworkConfig,
  NetworkInputs,
  Objective,
  ObjectiveContext,
  ObjectiveResult,
  ObjectiveText,
  OpaqueField,
  ParameterSpec,
  Progress,
  VelocityField,
} from './plugins.js';
export type { Optimizer, ParameterUpdate, Schedule } from './training/types.js';
export { mlp, type MlpConfig, type MlpOptions } from './networks/mlp.js';
export { dit, type DitConfig, type DitOptions } from './networks/dit.js';
export { unet, type UnetConfig, type UnetOptions } from './networks/unet.js';
export type { ExactDiagonalConfig } from './networks/exact-diagonal.js';
export { defineNetwork } from './networks/network.js';
export { networkFromConfig, registerNetwork, type NetworkFactory } from './networks/registry.js';
export {
  collect,
  collectDraws,
  convolution,
  dense,
  initialize,
  type DrawSpecs,
  type InitialSpec,
  type InitialSpecs,
  type Layer,
} from './networks/layers.js';
export { dropout, type Dropout } from './networks/dropout.js';
export {
  conditioning,
  timeFeatures,
  type BlockConditions,
  type Conditioning,
  type ConditioningConfig,
} from './networks/conditioning.js';
export { loader, type Loader, type LoaderOptions } from './data/loader.js';
export { matchClasses, type MatchedClasses } from './data/match-classes.js';
export { sizesOf, type DataSizes } from './data/sizes-of.js';
export { mirrorSample } from './data/mirror.js';
export {
  dataLine,
  dataReport,
  rangeWarning,
  sampleStatistics,
  type DataReport,
  type SampleStatistics,
} from './data/sample-statistics.js';
export { intervalsIn, isIn, lengthBins, type LengthBin } from './length-bins.js';
export { shiftedGrid, uniformGrid } from './samplers/grid.js';
export { searchGrid, type FoundGrid, type GridSearchOptions } from './samplers/search-grid.js';
export { endpointScore, type EndpointScore, type EndpointScoreOptions } from './samplers/endpoint-score.js';
export { flowMapSampler } from './samplers/flow-map-sampler.js';
export { gamma } from './samplers/gamma.js';
export { consistency } from './samplers/consistency.js';
export { euler } from './samplers/euler.js';
export { heun } from './samplers/heun.js';
export { adamsBashforth } from './samplers/adams-bashforth.js';
export { dpmSolver } from './samplers/dpm-solver.js';
export { dormandPrince } from './samplers/dormand-prince.js';
export { restart, restartGrid, type RestartOptions } from './samplers/restart.js';
export type { CarriedStep, Sampler, StepExtra } from './samplers/sampler.js';
export { samplerProgram, type SamplerOptions } from './samplers/sampler-program.js';
export { compileSampler, type CompiledSampler, type CompileSamplerOptions } from './samplers/compile-sampler.js';
export {
  compileAdaptiveSolver,
  type AdaptiveSolution,
  type AdaptiveSolver,
  type AdaptiveSolverOptions,
  type SolveArguments,
  type SolveRequest,
} from './samplers/adaptive-solver.js';
export { generate, type GenerateOptions } from './samplers/generate.js';
export { invert, type InvertOptions } from './tools/invert.js';
export type { Inversion, Walks } from './tools/round-trip.js';
export { interpolateSamples, slerp, type InterpolateOptions, type Interpolation } from './tools/interpolate-samples.js';
export { inpaint, type InpaintOptions } from './tools/inpaint.js';
export { measurement, type MeasurementOptions, type Reward } from './tools/reward.js';
export { rewardGuided, type RewardGuidedOptions } from './tools/reward-guided.js';
export { optimizeNoise, type OptimizedNoise, type OptimizeNoiseOptions } from './tools/optimize-noise.js';
export type { ToolOptions, Walk } from './tools/options.js';
export type { SampleArguments, SampleRequest } from './samplers/sample-request.js';
export { compileLiveSampler, type LiveSamplerOptions } from './samplers/live-sampler.js';
export {
  checkedModel,
  flowMapFrom,
  parametrizationOf,
  pathOf,
  velocityField,
  type Model,
  type StudentOptions,
} from './models/model.js';
export { decodeDescription, decodeModel, encodeModel, modelMetadata } from './models/checkpoint.js';
export type { ReadLimits, ReadOptions } from './limits.js';
export { encodeSafetensors, type EncodeOptions } from './safetensors/encode.js';
export { decodeSafetensors, MAX_RANK, type Safetensors } from './safetensors/decode.js';
export { type Json } from './internal/json.js';
export { prefixed, withPrefix } from './internal/names.js';
export {
  gaussianFlowMap,
  gaussianVelocity,
  mixtureFlowMap,
  mixtureVelocity,
  type Gaussian,
  type Mixture,
} from './closed-forms.js';
export type { Phase, PhaseContext, Trainee } from './training/phase.js';
export type {
  Callback,
  LogRecord,
  Moment,
  MomentSamplerOptions,
  Preparation,
  TrainedParameters,
} from './training/callback.js';

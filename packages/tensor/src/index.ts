export {
  causeText,
  ConfigError,
  DisposedError,
  DTypeError,
  FeedError,
  FlowmapError,
  ProgramError,
  RandomKeyError,
  RuntimeUnavailableError,
  ShapeError,
  SharingError,
  UnsupportedDTypeError,
  UnsupportedError,
} from './errors.js';
export { isWhole, requireWhole } from './whole.js';
export { cut, quoted } from './quoted.js';
export {
  inWords,
  requireKnownOptions,
  requireMember,
  requireRuntime,
  type ObjectKind,
  type OptionNames,
} from './options.js';
export {
  dtypes,
  isFloat,
  isHalf,
  type DType,
  type FloatDType,
  type HalfDType,
  type TensorSpec,
} from './graph/dtype.js';
export { halfFromBits, halfToBits, roundTo } from './graph/half.js';
export { broadcastShapes, sameShape, sizeOf, stridesOf, type Shape } from './graph/shape.js';
export {
  hostTensor,
  hostZeros,
  stackHostTensors,
  type HostData,
  type HostTensor,
  type HostTensors,
} from './runtime/host-tensor.js';
export type {
  BinaryPrimitive,
  ConstantData,
  ConvAttributes,
  Primitive,
  Primitives,
  UnaryPrimitive,
} from './graph/primitives.js';
export { bind, constant, input, reachable, full, Tensor, type TensorLike } from './graph/tensor.js';
export {
  and,
  clamp,
  concat,
  conv2d,
  convTranspose2d,
  linear,
  not,
  oneHot,
  or,
  select,
  split,
  stopGradient,
  sumTo,
  tile,
  type ConvOptions,
} from './library/functions.js';
export { gelu, geluTanh, leakyRelu, logSigmoid, relu } from './library/activations.js';
export { depthToSpace, resize2d, spaceToDepth } from './library/images.js';
export { logSoftmax, logSumExp } from './library/log-sum-exp.js';
export { averagePool2d, maxPool2d, type PoolOptions } from './library/pooling.js';
export { groupNorm, layerNorm, pixelNorm, rmsNorm } from './library/norms.js';
export { attention } from './library/attention.js';
export { jvp, pushForward, type Tangent } from './autodiff/jvp.js';
export { grad, gradients, pullBack, vjp } from './autodiff/vjp.js';
export { simplify } from './simplify/simplify.js';
export {
  specText,
  formatProgram,
  program,
  type Program,
  type ProgramArguments,
  type ProgramResults,
  type Signature,
  type SpecLike,
  type Tensors,
} from './program/program.js';
export { freeze } from './program/freeze.js';
export {
  checkDTypes,
  checkFeeds,
  checkStateWritten,
  type CompileOptions,
  type DeviceTensor,
  type Executable,
  type Feeds,
  type Runtime,
} from './runtime/runtime.js';
export { guarded, type CompiledProgram, type MakeExecutable, type RunResults } from './runtime/guarded.js';
export type { StateMemory } from './runtime/shared-states.js';
export { turns, type InTurn } from './runtime/turns.js';
export { unroll, unrolledSignature } from './program/unroll.js';
export { countFlops } from './program/flops.js';
export { fillNormals, normalBatch, normals, uniforms } from './random/random.js';
export type { RandomKey } from './random/random-key.js';

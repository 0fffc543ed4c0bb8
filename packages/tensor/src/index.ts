export {
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
export { halfFromBits, halfToBits, isFloat, isHalf, roundTo, type FloatDType, type HalfDType } from './half.js';
export { broadcastShapes, sameShape, sizeOf, stridesOf, type Shape } from './shape.js';
export {
  dtypes,
  hostTensor,
  hostZeros,
  stackHostTensors,
  type DType,
  type HostData,
  type HostTensor,
  type HostTensors,
  type TensorSpec,
} from './host-tensor.js';
export type {
  BinaryPrimitive,
  ConstantData,
  ConvAttributes,
  Primitive,
  Primitives,
  UnaryPrimitive,
} from './primitives.js';
export { bind, constant, input, reachable, full, Tensor, type TensorLike } from './tensor.js';
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
} from './functions.js';
export { gelu, geluTanh, leakyRelu, relu } from './activations.js';
export { depthToSpace, resize2d, spaceToDepth } from './images.js';
export { logSoftmax, logSumExp } from './log-sum-exp.js';
export { averagePool2d, maxPool2d, type PoolOptions } from './pooling.js';
export { groupNorm, layerNorm, pixelNorm, rmsNorm } from './norms.js';
export { attention } from './attention.js';
export { jvp, pushForward, type Tangent } from './jvp.js';
export { grad, gradients, pullBack, vjp } from './vjp.js';
export { simplify } from './simplify.js';
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
} from './program.js';
export { freeze } from './freeze.js';
export {
  checkDTypes,
  checkFeeds,
  checkStateWritten,
  type CompileOptions,
  type DeviceTensor,
  type Executable,
  type Feeds,
  type Runtime,
} from './runtime.js';
export { guarded, type CompiledProgram, type MakeExecutable, type RunResults } from './guarded.js';
export type { StateMemory } from './shared-states.js';
export { turns, type InTurn } from './turns.js';
export { unroll, unrolledSignature } from './unroll.js';
export { countFlops } from './flops.js';
export { fillNormals, normalBatch, normals, uniforms, type RandomKey } from './random.js';

export {
  DisposedError,
  DTypeError,
  FeedError,
  FlowmapError,
  ProgramError,
  RandomKeyError,
  RuntimeUnavailableError,
  ShapeError,
  UnsupportedError,
} from './errors.js';
export { broadcastShapes, sameShape, sizeOf, stridesOf, type Shape } from './shape.js';
export {
  hostTensor,
  hostZeros,
  type DType,
  type HostData,
  type HostTensor,
  type HostTensors,
  type TensorSpec,
} from './host-tensor.js';
export type { BinaryPrimitive, ConvAttributes, Primitive, Primitives, UnaryPrimitive } from './primitives.js';
export { bind, constant, input, reachable, splat, Tensor, type TensorLike } from './tensor.js';
export { concat, conv2d, linear, oneHot, select, split, stopGradient, sumTo, type ConvOptions } from './functions.js';
export { gelu, geluTanh } from './activations.js';
export { groupNorm, layerNorm, pixelNorm, rmsNorm } from './norms.js';
export { attention } from './attention.js';
export { jvp, pushForward, type Tangent } from './jvp.js';
export { grad, gradients, pullBack, vjp } from './vjp.js';
export { simplify } from './simplify.js';
export {
  describe,
  formatProgram,
  program,
  type Program,
  type ProgramArguments,
  type ProgramResults,
  type SpecLike,
  type Tensors,
} from './program.js';
export {
  checkFeeds,
  checkStateWritten,
  type DeviceTensor,
  type Executable,
  type Feeds,
  type Runtime,
} from './runtime.js';
export { countFlops } from './flops.js';
export { fillNormals, normalBatch, normals, uniforms, type RandomKey } from './random.js';

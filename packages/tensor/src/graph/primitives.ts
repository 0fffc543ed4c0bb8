import type { DType } from './dtype.js';
import type { Shape } from './shape.js';

/** Attributes of operations that have none. */
export type None = Readonly<Record<never, never>>;

/** Geometry of a two-dimensional convolution; pairs are `[vertical, horizontal]`. */
export interface ConvAttributes {
  readonly stride: readonly [number, number];
  /** Zeros, as many on both sides of an axis. */
  readonly padding: readonly [number, number];
  /** Distance in pixels between neighbouring taps of the kernel. */
  readonly dilation: readonly [number, number];
  /** Runs of channels that are convolved apart from each other: those in divide by it, and those out. */
  readonly groups: number;
}

/** Values of a constant: doubles, or floats where they are known to be such, as parameters are. */
export type ConstantData = Float64Array | Float32Array;

/**
 * The closed set of primitives and their static attributes. Every table over primitives (shape, JVP, VJP, each runtime's
 * lowering) is a mapped type over this interface, so that a hole in one is a compile error.
 */
export interface Primitives {
  /** A named argument of the program: an input or a state. */
  input: { readonly name: string; readonly shape: Shape; readonly dtype: DType };
  /** Numbers that a runtime rounds; `data` has one element when all are equal, else one per element. */
  constant: { readonly data: ConstantData; readonly shape: Shape; readonly dtype: DType };

  neg: None;
  exp: None;
  log: None;
  sqrt: None;
  square: None;
  sin: None;
  cos: None;
  tanh: None;
  sigmoid: None;
  /** `x sigmoid(x)`, a primitive because its derivative is much cheaper as a whole than by the product rule. */
  silu: None;
  /** `log(1 + exp(x))`, a primitive because no composition of others is exact on both sides of zero. */
  softplus: None;
  erf: None;
  /** `1 - erf(x)`, a primitive because it has all digits where the difference has none. */
  erfc: None;
  abs: None;
  sign: None;

  add: None;
  sub: None;
  mul: None;
  div: None;
  maximum: None;
  minimum: None;
  /** `a == b`, bool. */
  equal: None;
  /** `a < b`, bool. */
  less: None;
  /** `condition ? a : b`, element by element. */
  select: None;

  /** Floats to int32 towards zero, to the nearest number of its range and 0 for NaN; to bool, whether it is not zero. */
  cast: { readonly dtype: DType };
  /** The same value; the point at which a transformed function's argument is told apart from the tensor it was called with. */
  identity: None;
  /** The same value with derivative zero. */
  stopGradient: None;

  reshape: { readonly shape: Shape };
  /** Axis `i` of the result is axis `permutation[i]` of the operand. */
  transpose: { readonly permutation: readonly number[] };
  broadcastTo: { readonly shape: Shape };
  /** Elements `starts[i] <= index < ends[i]` of every axis. */
  slice: { readonly starts: readonly number[]; readonly ends: readonly number[] };
  /** Zeros before and after every axis. */
  pad: { readonly before: readonly number[]; readonly after: readonly number[] };
  concat: { readonly axis: number };
  /** The elements of the given axes in opposite order. */
  flip: { readonly axes: readonly number[] };

  /** `x: [rows, ...row]`, `indices: int32 [...i]` gives `[...i, ...row]`; below the first row is the first, beyond the last the last. */
  gather: None;
  /** Adjoint of `gather`: `rows: [...i, ...row]`, `indices: int32 [...i]` gives `[count, ...row]`, sums where indices repeat or are out of range. */
  scatterAdd: { readonly count: number };

  sum: { readonly axes: readonly number[]; readonly keepDims: boolean };
  reduceMax: { readonly axes: readonly number[]; readonly keepDims: boolean };
  /** Index along an axis, which goes, of the first NaN or else the first maximum, as int32. */
  argMax: { readonly axis: number };
  /** Sums of all elements up to each one: from the end with `reverse`, without itself when `exclusive`. */
  cumsum: { readonly axis: number; readonly exclusive: boolean; readonly reverse: boolean };
  /** Along the last axis. */
  softmax: None;

  /** `[..., m, k] x [..., k, n]` with equal leading axes; a flag transposes the last two axes of its operand first. */
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean };

  /** `x: [n, c, h, w]`, `weight: [o, c / groups, kh, kw]` gives `[n, o, h', w']` (cross-correlation, as in every deep-learning library). */
  conv2d: ConvAttributes;
  /** Adjoint of `conv2d` in `x`: `gradient: [n, o, h', w']`, `weight` as there, gives `[n, c, h, w]`, `size = [h, w]`. */
  conv2dInputGradient: ConvAttributes & { readonly size: readonly [number, number] };
  /** Adjoint of `conv2d` in `weight`: `x: [n, c, h, w]`, `gradient: [n, o, h', w']` gives the weight, `size = [kh, kw]`. */
  conv2dWeightGradient: ConvAttributes & { readonly size: readonly [number, number] };

  /** Sum over `factor x factor` blocks of `[n, c, h, w]`. */
  sumPool2d: { readonly factor: number };
  /** Each pixel of `[n, c, h, w]` repeated `factor x factor` times: the adjoint of `sumPool2d`. */
  upsample2d: { readonly factor: number };
}

/** Name of a primitive. */
export type Primitive = keyof Primitives;

/** Primitives that map each element of one float tensor. */
export type UnaryPrimitive =
  | 'neg'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'square'
  | 'sin'
  | 'cos'
  | 'tanh'
  | 'sigmoid'
  | 'silu'
  | 'softplus'
  | 'erf'
  | 'erfc'
  | 'abs'
  | 'sign';

/** Primitives that combine two tensors element by element, with broadcasting. */
export type BinaryPrimitive = 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'minimum' | 'equal' | 'less';

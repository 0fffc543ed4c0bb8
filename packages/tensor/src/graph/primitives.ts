import type { DType } from './dtype.js';
import type { Shape } from './shape.js';

/** Attributes of operations that have none. */
export type None = Readonly<Record<never, never>>;

/** Geometry of a two-dimensional convolution; pairs are `[vertical, horizontal]`. */
export interface ConvAttributes {
  readonly stride: readonly [number, number];
  /** Zeros added on each side of an axis. */
  readonly padding: readonly [number, number];
  /** Distance in pixels between neighbouring taps of the kernel. */
  readonly dilation: readonly [number, number];
  /** Number of groups of channels that are convolved separately; it divides the channels of input and output. */
  readonly groups: number;
}

/** Values of a constant: doubles, or floats if they are known to be floats, as parameters are. */
export type ConstantData = Float64Array | Float32Array;

/**
 * The closed set of primitives and their static attributes. Every table over primitives (shape, JVP, VJP, each
 * runtime's lowering) is a mapped type over this interface, so a missing entry is a compile error.
 */
export interface Primitives {
  /** A named argument of the program: an input or a state. */
  input: { readonly name: string; readonly shape: Shape; readonly dtype: DType };
  /** Numbers, which a runtime rounds; `data` has a single element if all are equal, otherwise one per element. */
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
  /** `x sigmoid(x)`, a primitive because its derivative is much cheaper in one piece than by the product rule. */
  silu: None;
  /** `log(1 + exp(x))`, a primitive because no composition of others is accurate on both sides of zero. */
  softplus: None;
  erf: None;
  /** `1 - erf(x)`, a primitive because it keeps all digits where the difference has none. */
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

  /** Floats to int32 by truncation, clamped to its range, NaN to 0; to bool, whether the number is not zero. */
  cast: { readonly dtype: DType };
  /** The same value; tells a transformed function's argument apart from the tensor that it was called with. */
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
  /** Reverses the order of elements along the given axes. */
  flip: { readonly axes: readonly number[] };

  /**
   * `x: [rows, ...row]`, `indices: int32 [...i]` gives `[...i, ...row]`; an index out of range means the nearest row.
   */
  gather: None;
  /**
   * Adjoint of `gather`: `rows: [...i, ...row]`, `indices: int32 [...i]` gives `[count, ...row]`, summing rows whose
   * indices repeat or are clamped to the same row.
   */
  scatterAdd: { readonly count: number };

  sum: { readonly axes: readonly number[]; readonly keepDims: boolean };
  reduceMax: { readonly axes: readonly number[]; readonly keepDims: boolean };
  /** Index of the first NaN, or else of the first maximum, along an axis, which is removed; int32. */
  argMax: { readonly axis: number };
  /** Cumulative sums: from the end with `reverse`, without the element itself with `exclusive`. */
  cumsum: { readonly axis: number; readonly exclusive: boolean; readonly reverse: boolean };
  /** Softmax along the last axis. */
  softmax: None;

  /** `[..., m, k] x [..., k, n]` with equal leading axes; a flag transposes the last two axes of its operand first. */
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean };

  /**
   * `x: [n, c, h, w]`, `weight: [o, c / groups, kh, kw]` gives `[n, o, h', w']` (cross-correlation, as in deep-learning
   * libraries).
   */
  conv2d: ConvAttributes;
  /** Adjoint of `conv2d` in `x`: `gradient: [n, o, h', w']` and `weight` give `[n, c, h, w]`, with `size = [h, w]`. */
  conv2dInputGradient: ConvAttributes & { readonly size: readonly [number, number] };
  /**
   * Adjoint of `conv2d` in `weight`: `x: [n, c, h, w]` and `gradient: [n, o, h', w']` give the weight, with
   * `size = [kh, kw]`.
   */
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

import { DTypeError, ShapeError } from '../errors.js';
import { isFloat, isHalf, type DType, type TensorSpec } from './dtype.js';
import { roundTo } from './half.js';
import { inferRules, requireFloats, requireNumbers, type InferRule } from './infer.js';
import type { ConstantData, Primitive, Primitives } from './primitives.js';
import { normalizeAxes, sizeOf, type Shape } from './shape.js';

/** What a tensor can be combined with: another tensor, or a number, which becomes a scalar constant of its dtype. */
export type TensorLike = Tensor | number;

let nextId = 0;

/**
 * A symbolic tensor: the result of a primitive applied to other tensors, whose shape and dtype are known, but not its
 * values. Tensors are immutable nodes of a graph; nothing is computed until a {@link Program} made of them is compiled
 * and run. Operands are always older than results, so sorting by `id` gives a topological order.
 */
export class Tensor<P extends Primitive = Primitive> implements TensorSpec {
  readonly id = nextId++;

  constructor(
    readonly primitive: P,
    readonly operands: readonly Tensor[],
    readonly attributes: Primitives[P],
    readonly shape: Shape,
    readonly dtype: DType,
  ) {}

  get rank(): number {
    return this.shape.length;
  }

  get size(): number {
    return sizeOf(this.shape);
  }

  /** True if this tensor is the result of the given primitive; narrows the type of its attributes. */
  is<Q extends Primitive>(primitive: Q): this is Tensor<Q> {
    const own: Primitive = this.primitive;
    return own === primitive;
  }

  add(other: TensorLike): Tensor {
    return bind('add', [this, this.like(other)], {});
  }
  sub(other: TensorLike): Tensor {
    return bind('sub', [this, this.like(other)], {});
  }
  mul(other: TensorLike): Tensor {
    return bind('mul', [this, this.like(other)], {});
  }
  div(other: TensorLike): Tensor {
    return bind('div', [this, this.like(other)], {});
  }
  maximum(other: TensorLike): Tensor {
    return bind('maximum', [this, this.like(other)], {});
  }
  minimum(other: TensorLike): Tensor {
    return bind('minimum', [this, this.like(other)], {});
  }
  /** `this == other`, bool. */
  equal(other: TensorLike): Tensor {
    return bind('equal', [this, this.like(other)], {});
  }
  /** `this < other`, bool. */
  less(other: TensorLike): Tensor {
    return bind('less', [this, this.like(other)], {});
  }
  /** `this > other`, bool. */
  greater(other: TensorLike): Tensor {
    return bind('less', [this.like(other), this], {});
  }

  neg(): Tensor {
    return bind('neg', [this], {});
  }
  exp(): Tensor {
    return bind('exp', [this], {});
  }
  log(): Tensor {
    return bind('log', [this], {});
  }
  sqrt(): Tensor {
    return bind('sqrt', [this], {});
  }
  sin(): Tensor {
    return bind('sin', [this], {});
  }
  cos(): Tensor {
    return bind('cos', [this], {});
  }
  tanh(): Tensor {
    return bind('tanh', [this], {});
  }
  sigmoid(): Tensor {
    return bind('sigmoid', [this], {});
  }
  /**
   * `x sigmoid(x)` (Elfwing, Uchibe, Doya 2017; also called swish). At plus and minus infinity its derivatives are NaN.
   */
  silu(): Tensor {
    return bind('silu', [this], {});
  }
  /** `log(1 + exp(x))`, accurate on both sides of zero. */
  softplus(): Tensor {
    return bind('softplus', [this], {});
  }
  erf(): Tensor {
    return bind('erf', [this], {});
  }
  /** `1 - erf(x)`, with all digits even where it is small: the tail of a normal distribution. */
  erfc(): Tensor {
    return bind('erfc', [this], {});
  }
  abs(): Tensor {
    return bind('abs', [this], {});
  }
  sign(): Tensor {
    return bind('sign', [this], {});
  }
  square(): Tensor {
    return bind('square', [this], {});
  }

  /**
   * The same numbers in another dtype. Floats become int32 by truncation, clamped to its range, and NaN becomes 0; a
   * bool tells whether a number is not zero, which is true for NaN.
   */
  cast(dtype: DType): Tensor {
    return bind('cast', [this], { dtype });
  }

  /** The same elements, row-major, in another shape; one extent may be -1 and is then inferred. */
  reshape(shape: Shape): Tensor {
    const known = sizeOf(shape.filter((extent) => extent !== -1));
    return bind('reshape', [this], { shape: shape.map((extent) => (extent === -1 ? this.size / known : extent)) });
  }
  transpose(permutation: readonly number[]): Tensor {
    return bind('transpose', [this], { permutation });
  }
  broadcastTo(shape: Shape): Tensor {
    return bind('broadcastTo', [this], { shape });
  }
  slice(starts: readonly number[], ends: readonly number[]): Tensor {
    return bind('slice', [this], { starts, ends });
  }
  /** Reverses the order of elements along the given axes; negative axes count from the end. */
  flip(axes: readonly number[]): Tensor {
    return bind('flip', [this], { axes: normalizeAxes('flip', axes, this.shape) });
  }
  /**
   * Rows of `[rows, ...row]` by index: embeds class or token numbers using a table.
   *
   * @param indices int32 `[...i]`, from 0 to rows - 1; smaller indices give the first row and larger ones the last, on
   *   every runtime
   * @returns `[...i, ...row]`
   * @throws {ShapeError} for a constant index out of range, or a tensor without rows
   */
  gather(indices: Tensor): Tensor {
    if (indices.is('constant') && this.rank > 0) requireIndices(indices.attributes.data, this.shape);
    return bind('gather', [this, indices], {});
  }
  /** Zeros before and after every axis. */
  pad(before: readonly number[], after: readonly number[]): Tensor {
    return bind('pad', [this], { before, after });
  }

  /** Sum over the given axes, by default all of them; negative axes count from the end. For int32 it is modulo 2^32. */
  sum(axes?: readonly number[], keepDims = false): Tensor {
    return bind('sum', [this], { axes: this.axes('sum', axes), keepDims });
  }
  /**
   * Mean over the given axes; for halves it is computed in float32, where the sum cannot overflow, and rounded once.
   */
  mean(axes?: readonly number[], keepDims = false): Tensor {
    if (!isFloat(this.dtype)) throw new DTypeError('mean', 'floats (use cast)', [this.dtype]);
    if (isHalf(this.dtype)) return this.cast('float32').mean(axes, keepDims).cast(this.dtype);
    const total = this.sum(axes, keepDims);
    return total.mul(total.size / this.size);
  }
  /**
   * Maximum over the given axes, NaN if one of the elements is NaN; elements that tie for it share the derivative
   * equally.
   */
  max(axes?: readonly number[], keepDims = false): Tensor {
    return bind('reduceMax', [this], { axes: this.axes('max', axes), keepDims });
  }
  /** Minimum over the given axes, of floats or int32; NaN and ties as in {@link max}. */
  min(axes?: readonly number[], keepDims = false): Tensor {
    requireNumbers('min', this);
    const attributes = { axes: this.axes('min', axes), keepDims };
    // -1 - x reverses the order of int32 too and, unlike -x, cannot overflow.
    const turned = (x: Tensor): Tensor => (x.dtype === 'int32' ? full(-1, [], 'int32').sub(x) : x.neg());
    return turned(bind('reduceMax', [turned(this)], attributes));
  }
  /** Index of the first maximum along an axis, or of the first NaN if there is one, as int32 without that axis. */
  argMax(axis: number): Tensor {
    return bind('argMax', [this], { axis: this.axis('argMax', axis) });
  }
  /** Index of the first minimum along an axis, or of the first NaN if there is one, as int32 without that axis. */
  argMin(axis: number): Tensor {
    requireFloats('argMin', [this]);
    return bind('argMax', [this.neg()], { axis: this.axis('argMin', axis) });
  }
  /** `y_i = sum_{j <= i} x_j` along an axis; `j < i` with `exclusive`; from the end with `reverse`. */
  cumsum(axis: number, { exclusive = false, reverse = false } = {}): Tensor {
    return bind('cumsum', [this], { axis: this.axis('cumsum', axis), exclusive, reverse });
  }
  /**
   * `exp(x_i) / sum_j exp(x_j)` along the last axis; a row whose largest element is plus or minus infinity is NaN.
   * Derivatives of an element close to 1 are accurate to a rounding error of their cotangent; those of
   * `logSoftmax(x).exp()` keep all digits.
   */
  softmax(): Tensor {
    return bind('softmax', [this], {});
  }

  /** `[..., m, k] x [..., k, n]` with equal leading axes. */
  matmul(other: Tensor): Tensor {
    return bind('matmul', [this, other], { transposeA: false, transposeB: false });
  }

  /** Sum over `factor x factor` blocks of `[n, c, h, w]`. */
  sumPool2d(factor: number): Tensor {
    return bind('sumPool2d', [this], { factor });
  }
  /** Nearest-neighbour upsampling of `[n, c, h, w]` by a whole factor. */
  upsample2d(factor: number): Tensor {
    return bind('upsample2d', [this], { factor });
  }

  private like(value: TensorLike): Tensor {
    return typeof value === 'number' ? full(value, [], this.dtype) : value;
  }

  private axis(operation: string, axis: number): number {
    return normalizeAxes(operation, [axis], this.shape)[0]!;
  }
  private axes(operation: string, axes: readonly number[] | undefined): number[] {
    return axes === undefined ? this.shape.map((_, axis) => axis) : normalizeAxes(operation, axes, this.shape);
  }
}

/**
 * Applies a primitive: checks the operands, infers the result's shape and dtype, and makes the node.
 *
 * @throws {ShapeError | DTypeError} when the operands do not fit the primitive
 */
export function bind<P extends Primitive>(
  primitive: P,
  operands: readonly Tensor[],
  attributes: Primitives[P],
): Tensor {
  const infer: InferRule<P> = inferRules[primitive];
  const { shape, dtype } = infer(attributes, operands);
  return new Tensor<P>(primitive, operands, attributes, shape, dtype);
}

/** A constant whose elements are all `value`, rounded if the dtype is a half. */
export function full(value: number, shape: Shape = [], dtype: DType = 'float32'): Tensor {
  return bind('constant', [], { data: Float64Array.of(roundTo(value, dtype)), shape, dtype });
}

/** A constant from row-major values, rounded if the dtype is a half. */
export function constant(values: ArrayLike<number>, shape: Shape = [values.length], dtype: DType = 'float32'): Tensor {
  const data = isHalf(dtype) ? Float64Array.from(values, (value) => roundTo(value, dtype)) : Float64Array.from(values);
  return bind('constant', [], { data, shape, dtype });
}

/** A tensor that is not yet part of any program: stands for an argument while a function is traced. */
export function input(name: string, shape: Shape, dtype: DType = 'float32'): Tensor {
  return bind('input', [], { name, shape, dtype });
}

/** Throws a {@link ShapeError} for an index without a row. */
function requireIndices(indices: ConstantData, shape: Shape): void {
  const rows = shape[0] ?? 0;
  const wrong = indices.find((index) => index < 0 || index >= rows);
  if (wrong !== undefined) throw new ShapeError(`gather of row ${wrong}`, `an index from 0 to ${rows - 1}`, [shape]);
}

/** The given tensors and all that they are computed from, operands first. */
export function reachable(outputs: Iterable<Tensor>): Tensor[] {
  const seen = new Set<Tensor>();
  const stack = [...outputs];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    stack.push(...node.operands);
  }
  return [...seen].sort((a, b) => a.id - b.id);
}

import { DTypeError, ShapeError } from '../errors.js';
import { isHalf, requireValues, type DType, type TensorSpec } from '../graph/dtype.js';
import { roundTo } from '../graph/half.js';
import { requireExtents, sameShape, sizeOf, type Shape } from '../graph/shape.js';

/**
 * Host memory of each dtype. A float32 tensor may be given as doubles, which a runtime rounds to its precision. A
 * float16 or bfloat16 tensor is also an array of numbers, each of which the dtype can hold; runtimes return it as a
 * `Float32Array`.
 */
export type HostData = Float32Array | Float64Array | Int32Array | Uint8Array;

/** A tensor in host memory, row-major. */
export interface HostTensor extends TensorSpec {
  readonly data: HostData;
}

/** Tensors by name: parameters, gradients, the state of an optimizer. */
export type HostTensors = Readonly<Record<string, HostTensor>>;

/**
 * Wraps numbers as a host tensor after checking that their count and type fit.
 *
 * @param shape extents, outermost first; `[]` for a scalar
 * @param data row-major values; a plain array becomes a `Float32Array` (`Int32Array`, `Uint8Array` for int32 and bool).
 *   Values of a float16 or bfloat16 tensor are rounded to it, in a new `Float32Array`
 * @param dtype `float32` unless given; inferred as `int32` from an `Int32Array` and `bool` from a `Uint8Array`
 * @throws {ShapeError} when an extent is not a whole number >= 1, or the number of values is not the product of the
 *   extents
 * @throws {DTypeError} when the array's type cannot hold the dtype, or a plain number is not a valid value of it
 */
export function hostTensor(shape: Shape, data: HostData | readonly number[], dtype?: DType): HostTensor {
  const type = dtype ?? (data instanceof Int32Array ? 'int32' : data instanceof Uint8Array ? 'bool' : 'float32');
  requireExtents('hostTensor', shape);
  if (!ArrayBuffer.isView(data)) requireValues('hostTensor', type, data);
  const typed = ArrayBuffer.isView(data) ? data : isHalf(type) ? Float64Array.from(data) : allocate(type, data);
  if (!holds(type, typed)) throw new DTypeError('hostTensor', `an array that holds ${type}`, [typed.constructor.name]);
  if (typed.length !== sizeOf(shape)) {
    throw new ShapeError('hostTensor', `${sizeOf(shape)} values for shape [${shape.join(', ')}]`, [[typed.length]]);
  }
  const values = isHalf(type) ? Float32Array.from(typed, (value) => roundTo(value, type)) : typed;
  return { shape, dtype: type, data: values };
}

/** Zeros of a shape and dtype in host memory. */
export function hostZeros(spec: TensorSpec): HostTensor {
  return { ...spec, data: allocate(spec.dtype, sizeOf(spec.shape)) };
}

/**
 * Stacks tensors along a new leading axis: the inputs of several steps become the input of a single run of them.
 *
 * @param tensors at least one, of equal shape and dtype
 * @throws {ShapeError | DTypeError} when there are none, or they differ
 */
export function stackHostTensors(tensors: readonly HostTensor[]): HostTensor {
  const [first] = tensors;
  if (first === undefined) throw new ShapeError('stackHostTensors', 'at least one tensor', []);
  for (const { shape, dtype } of tensors) {
    if (!sameShape(shape, first.shape)) {
      throw new ShapeError('stackHostTensors', 'tensors of equal shape', [first.shape, shape]);
    }
    if (dtype !== first.dtype) throw new DTypeError('stackHostTensors', 'tensors of one dtype', [first.dtype, dtype]);
  }
  const spec = { shape: [tensors.length, ...first.shape], dtype: first.dtype };
  const isDouble = tensors.some(({ data }) => data instanceof Float64Array);
  const stacked = isDouble ? { ...spec, data: new Float64Array(sizeOf(spec.shape)) } : hostZeros(spec);
  tensors.forEach(({ data }, i) => stacked.data.set(data, i * data.length));
  return stacked;
}

/** True if an array of this type can hold values of the dtype. */
export function holds(dtype: DType, data: HostData): boolean {
  if (dtype === 'int32') return data instanceof Int32Array;
  if (dtype === 'bool') return data instanceof Uint8Array;
  return data instanceof Float32Array || data instanceof Float64Array;
}

function allocate(dtype: DType, content: number | readonly number[]): HostData {
  const type = dtype === 'int32' ? Int32Array : dtype === 'bool' ? Uint8Array : Float32Array;
  return typeof content === 'number' ? new type(content) : type.from(content);
}

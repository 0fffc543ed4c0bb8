import { bind, constant, sameShape, sizeOf, type Shape, type Tensor } from '@flowmap/tensor';
import type { ElementType, Numbers } from './element-types.js';

/** A value of a graph while it is traced: numbers that are known already, or a symbolic tensor. */
export interface Value {
  readonly type: ElementType;
  /** Known numbers may be empty; tensors are not. */
  readonly shape: Shape;
  /** The numbers if they are known, row-major; one number if all are equal. */
  readonly data?: Numbers;
  /**
   * The symbolic tensor, a constant if the numbers are known.
   *
   * @throws {ShapeError} for an empty value
   * @throws {DTypeError} for integers beyond int32
   */
  readonly tensor: Tensor;
}

/** Numbers that are known. */
export type Known = Value & { readonly data: Numbers };

/** A value whose numbers are known. */
export function known(type: ElementType, shape: Shape, data: Numbers): Known {
  let made: Tensor | undefined;
  return {
    type,
    shape,
    data,
    get tensor() {
      made ??= constantOf(type, shape, data);
      return made;
    },
  };
}

/** A value that is computed; `type` is its type in the file, whose dtype the tensor has. */
export function traced(type: ElementType, tensor: Tensor): Value {
  return { type, shape: tensor.shape, tensor };
}

/** A known value of small integers or floats from plain numbers. */
export function numbers(type: ElementType, shape: Shape, values: ArrayLike<number>): Known {
  const data = type.make(values.length);
  for (let i = 0; i < values.length; i++) data[i] = type.round(values[i]!);
  return known(type, shape, data);
}

/** Whether the numbers of a value are known. */
export function isKnown(value: Value | undefined): value is Known {
  return value?.data !== undefined;
}

/** A known value's number at a place of its row-major order. */
export function numberAt({ data }: Known, i: number): number {
  return data.length === 1 ? data[0]! : data[i]!;
}

/** All numbers of a known value. */
export function listOf(value: Known): number[] {
  return Array.from({ length: sizeOf(value.shape) }, (_, i) => numberAt(value, i));
}

/** A tensor with axes of extent 1 before its own, up to a rank. */
export function ofRank(tensor: Tensor, rank: number): Tensor {
  return tensor.rank >= rank ? tensor : tensor.reshape([...ones(rank - tensor.rank), ...tensor.shape]);
}

/** As many ones as given. */
function ones(count: number): number[] {
  return new Array<number>(Math.max(0, count)).fill(1);
}

/** A tensor repeated to a shape, by the rules of ONNX: shapes are aligned at their last axes. */
export function broadcast(tensor: Tensor, shape: Shape): Tensor {
  if (sameShape(tensor.shape, shape)) return tensor;
  return ofRank(tensor, shape.length).broadcastTo(shape);
}

function constantOf({ dtype }: ElementType, shape: Shape, data: Numbers): Tensor {
  if (data instanceof Float32Array && dtype === 'float32') return bind('constant', [], { data, shape, dtype });
  return constant(data, shape, dtype);
}

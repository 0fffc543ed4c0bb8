import { isWhole, sizeOf } from '@flowmap/tensor';
import { TensorProto_DataLocation as Location, type TensorProto } from 'onnx-buf';
import { shown } from '../onnx-model-error.js';
import { MOST_AXES } from './call.js';
import { elementTypeOf, nameOfType, type ElementType, type Numbers } from './element-types.js';
import { known, type Known } from './value.js';

/** A range of a file beside the model. */
export interface ExternalRange {
  /** Its name relative to the model's folder, as in the model. */
  readonly location: string;
  readonly offset: number;
  /** The number of bytes of the tensor according to its shape and type. */
  readonly length: number;
}

/**
 * The bytes of a range of a file beside the model; undefined if there is no such file, `absent` for a parameter that is
 * known by its shape alone.
 */
export type ReadExternal = (range: ExternalRange) => Uint8Array | 'absent' | undefined;

type Refuse = (problem: string) => never;

/** A tensor of a file whose description has been checked; its numbers are still bytes. */
interface Described {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly external?: ExternalRange;
}

/** Checks what a tensor of a file says about itself, against the bytes that are there. */
export function described(tensor: TensorProto, refuse: Refuse): Described {
  const type = elementTypeOf(tensor.dataType);
  if (type === undefined) return refuse(`has elements of type ${nameOfType(tensor.dataType)}`);
  const shape = tensor.dims.map(Number);
  const text = `[${shape.slice(0, 9).join(', ')}]`;
  const size = sizeOf(shape);
  if (shape.length > MOST_AXES || !shape.every((extent) => isWhole(extent, 0)) || !isWhole(size, 0))
    return refuse(`has the shape ${text}`);
  if (tensor.dataLocation === Location.EXTERNAL) {
    return { type, shape, external: rangeOf(tensor, size * type.bytes, refuse) };
  }
  const stored = storedIn(tensor, type);
  if (stored.bytes !== undefined && stored.bytes !== size * type.bytes) {
    return refuse(`is ${type.name} ${text} of ${size * type.bytes} bytes, and has ${stored.bytes}`);
  }
  if (stored.count !== undefined && stored.count !== size) {
    return refuse(`is ${type.name} ${text} of ${size} numbers, and has ${stored.count}`);
  }
  return { type, shape };
}

/**
 * The numbers of a tensor of a file.
 *
 * @param read finds those that are in a file beside the model
 */
export function readTensor(tensor: TensorProto, read: ReadExternal, refuse: Refuse): Known {
  const { type, shape, external } = described(tensor, refuse);
  if (external === undefined) return known(type, shape, numbersOf(tensor, type, shape));
  const bytes = read(external);
  if (bytes === undefined) {
    return refuse(`is in a file '${shown(external.location, 80)}' beside the model, which is not given`);
  }
  if (bytes === 'absent') return known(type, shape, type.make(1));
  if (bytes.byteLength !== external.length) {
    return refuse(
      `wants ${external.length} bytes from ${external.offset} of '${shown(external.location, 80)}', which ends before`,
    );
  }
  return known(type, shape, type.decode(bytes));
}

/** How many bytes or numbers a tensor has in the field for its type. */
function storedIn(tensor: TensorProto, type: ElementType): { bytes?: number; count?: number } {
  const { rawData } = tensor;
  if (rawData.byteLength > 0) return { bytes: rawData.byteLength };
  return { count: listIn(tensor, type).length };
}

/** The field that holds numbers of a type if they are not bytes. */
function listIn(tensor: TensorProto, { name }: ElementType): readonly number[] | readonly bigint[] {
  switch (name) {
    case 'float32':
      return tensor.floatData;
    case 'float64':
      return tensor.doubleData;
    case 'int64':
      return tensor.int64Data;
    case 'uint64':
    case 'uint32':
      return tensor.uint64Data;
    default:
      return tensor.int32Data;
  }
}

function numbersOf(tensor: TensorProto, type: ElementType, shape: readonly number[]): Numbers {
  if (tensor.rawData.byteLength > 0) return type.decode(tensor.rawData);
  const list = listIn(tensor, type);
  if (type.name === 'float16' || type.name === 'bfloat16') {
    // Halves are listed as the integers that their bits are.
    const bits = Uint16Array.from(list as readonly number[]);
    return type.decode(new Uint8Array(bits.buffer));
  }
  const data = type.make(sizeOf(shape));
  list.forEach((value: number | bigint, i: number) => (data[i] = Number(value)));
  return data;
}

function rangeOf(tensor: TensorProto, length: number, refuse: Refuse): ExternalRange {
  const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get('location') ?? '';
  if (!isWithin(location)) return refuse(`is in a file '${shown(location, 80)}' that is not in the model's folder`);
  const offset = Number(entries.get('offset') ?? 0);
  const said = Number(entries.get('length') ?? length);
  if (!isWhole(offset, 0) || said !== length) {
    return refuse(
      `of ${length} bytes is said to be ${shown(String(said), 20)} bytes from ${shown(String(offset), 20)} of a file`,
    );
  }
  return { location, offset, length };
}

/** Whether a path stays within the folder that it starts from, on any system. */
function isWithin(path: string): boolean {
  if (path === '' || /^[a-zA-Z]:|^[\\/]|\0/.test(path)) return false;
  return !path.split(/[\\/]/).includes('..');
}

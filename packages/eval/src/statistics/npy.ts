import { quoted } from '@flowmap/core';
import { DTypeError, hostTensor, sizeOf, type HostTensor } from '@flowmap/tensor';
import { FileFault } from '../archives/file-fault.js';

/** The first bytes of a file, before the two bytes of its version. */
const MAGIC = '\x93NUMPY';

/** The most bytes of a header, as in NumPy. */
const MAX_HEADER = 10_000;

/** The most axes of an array, as in NumPy. */
const MAX_RANK = 64;

/** The values begin at a multiple of this offset. */
const ALIGNMENT = 64;

const HEADER =
  /^\{\s*'descr':\s*(?<type>'[^']*'|\[.*\]),\s*'fortran_order':\s*(?<fortran>True|False),\s*'shape':\s*\((?<shape>[\d,\s]*)\),?\s*\}\s*$/s;

/**
 * Reads an array that NumPy saved (`.npy`, versions 1 to 3): little-endian float32 or float64, in either order.
 *
 * @returns row-major float32; values of float64 are held in doubles
 * @throws {FileFault} for anything else, such as Python objects, and for bytes that are cut off
 */
export function decodeNpy(bytes: Uint8Array): HostTensor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = String.fromCharCode(...bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC || bytes.length < 12) throw new FileFault('it is no array of NumPy, or cut off');
  const version = bytes[6]!;
  if (version < 1 || version > 3) throw new FileFault(`it has the version ${version}, and 1 to 3 are read`);
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER) throw new FileFault(`its header has ${length} bytes, more than ${MAX_HEADER}`);
  const end = start + length;
  if (end > bytes.length) throw new FileFault('it is cut off in its header');
  const { type, isFortran, shape } = headerOf(new TextDecoder().decode(bytes.subarray(start, end)));
  const width = type === '<f4' ? 4 : 8;
  const size = sizeOf(shape);
  if (bytes.length - end !== width * size) {
    throw new FileFault(
      `it has ${bytes.length - end} bytes of values, its shape [${shape.join(', ')}] ${width * size}`,
    );
  }
  const { buffer } = Uint8Array.from(bytes.subarray(end)); // little-endian, as is every machine that JavaScript runs on
  const values = width === 4 ? new Float32Array(buffer) : new Float64Array(buffer);
  return hostTensor(shape, isFortran && shape.length > 1 ? rowMajor(values, shape) : values);
}

/**
 * An array as NumPy saves it: version 1, float64 for values held in doubles and float32 for others.
 *
 * @throws {DTypeError} for a tensor of anything but float32
 */
export function encodeNpy({ shape, dtype, data }: HostTensor): Uint8Array {
  if (dtype !== 'float32') throw new DTypeError('encodeNpz', 'float32', [dtype]);
  const width = data instanceof Float64Array ? 8 : 4;
  const extents = shape.length === 1 ? `${shape[0]!},` : shape.join(', ');
  const text = `{'descr': '<f${width}', 'fortran_order': False, 'shape': (${extents}), }`;
  const start = Math.ceil((10 + text.length + 1) / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(start + width * data.length);
  const view = new DataView(bytes.buffer);
  const characters = `${MAGIC}\x01\x00  ${text.padEnd(start - 11)}\n`;
  for (let i = 0; i < characters.length; i++) bytes[i] = characters.charCodeAt(i);
  view.setUint16(8, start - 10, true);
  data.forEach((value, i) => {
    if (width === 8) view.setFloat64(start + 8 * i, value, true);
    else view.setFloat32(start + 4 * i, value, true);
  });
  return bytes;
}

/** The header's description, a Python dictionary that is parsed without evaluating anything. */
function headerOf(text: string): { readonly type: string; readonly isFortran: boolean; readonly shape: number[] } {
  const { type, fortran, shape } = HEADER.exec(text)?.groups ?? {};
  if (type === undefined || shape === undefined) throw new FileFault(`its header is ${quoted(text)}`);
  if (type.includes('O')) throw new FileFault(`it holds Python objects (${quoted(type)}), which are not read`);
  if (type !== "'<f4'" && type !== "'<f8'") {
    throw new FileFault(
      `its values are ${quoted(type)}, and little-endian float32 and float64 ('<f4', '<f8') are read`,
    );
  }
  const extents = shape.split(',').map((extent) => extent.trim());
  if (extents.at(-1) === '') extents.pop(); // after the comma of a single axis, or without axes
  const numbers = extents.map((extent) => (/^\d+$/.test(extent) ? Number(extent) : NaN));
  if (numbers.length > MAX_RANK || !numbers.every((extent) => Number.isSafeInteger(extent) && extent > 0)) {
    throw new FileFault(
      `its shape is ${quoted(`(${shape})`)}, and no array is read that is empty or has over ${MAX_RANK} axes`,
    );
  }
  return { type: type.slice(1, -1), isFortran: fortran === 'True', shape: numbers };
}

/** Puts values whose first axis varies fastest into row-major order. */
function rowMajor<T extends Float32Array | Float64Array>(values: T, shape: readonly number[]): T {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(0, axis)));
  const index = new Array<number>(shape.length).fill(0);
  const result = values.slice() as T;
  for (let i = 0, from = 0; i < result.length; i++) {
    result[i] = values[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}

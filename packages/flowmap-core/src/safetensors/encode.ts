import { hostTensor, type HostTensors } from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import { bytesOf, storedTypeOf, storedTypes } from './dtypes.js';

/** Name of the metadata in a header. */
export const METADATA = '__metadata__';

/** Headers are padded with spaces so that the data starts at a multiple of this. */
const ALIGNMENT = 8;

/**
 * Writes tensors in the safetensors format (huggingface/safetensors): the length of the header as 8 little-endian
 * bytes, the header in JSON, the values. The same tensors and metadata give the same bytes: tensors are sorted by type,
 * widest first so that each is aligned, then by name. A float32 tensor held as doubles is stored as F64; nothing that a
 * tensor's dtype can hold is rounded.
 *
 * @param tensors by name
 * @param metadata text to store with them
 * @throws {ConfigError} for a tensor named `__metadata__`
 * @throws {ShapeError | DTypeError} for a tensor whose values do not fit its shape or dtype
 *
 * @example
 * const bytes = encodeSafetensors({ weight: hostTensor([2, 2], [1, 2, 3, 4]) }, { made: 'by hand' });
 */
export function encodeSafetensors(
  tensors: HostTensors,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  if (Object.hasOwn(tensors, METADATA))
    throw new ConfigError(METADATA, "this name is the format's own; rename the tensor");
  const entries = Object.entries(tensors).map(([name, tensor]) => {
    const checked = hostTensor(tensor.shape, tensor.data, tensor.dtype);
    return { name, shape: checked.shape, bytes: bytesOf(checked), type: storedTypeOf(checked) };
  });
  const width = (entry: (typeof entries)[number]): number => storedTypes.get(entry.type)!.width;
  entries.sort((a, b) => width(b) - width(a) || compare(a.name, b.name));

  const texts = Object.entries(metadata).sort(([a], [b]) => compare(a, b));
  const header: [string, unknown][] = texts.length > 0 ? [[METADATA, Object.fromEntries(texts)]] : [];
  let length = 0;
  for (const { name, shape, bytes, type } of entries) {
    const end = length + bytes.length;
    header.push([name, { dtype: type, shape, data_offsets: [length, end] }]);
    length = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const start = Math.ceil((8 + json.length) / ALIGNMENT) * ALIGNMENT;

  const file = new Uint8Array(start + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(start - 8), true);
  file.set(json, 8);
  file.fill(0x20, 8 + json.length, start);
  let offset = start;
  for (const entry of entries) {
    file.set(entry.bytes, offset);
    offset += entry.bytes.length;
  }
  return file;
}

/** Orders by UTF-16 code units, the same everywhere. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

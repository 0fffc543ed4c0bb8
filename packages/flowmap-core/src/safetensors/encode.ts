import { hostTensor, requireKnownOptions, type HostTensors } from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import { CHECKSUMS, checksumText, crc32, order } from './checksums.js';
import { bytesOf, storedTypeOf, storedTypes } from './dtypes.js';

/** Name of the metadata in a header. */
export const METADATA = '__metadata__';

/** Headers are padded with spaces so that the data starts at a multiple of this. */
const ALIGNMENT = 8;

/** How a safetensors file is written. */
export interface EncodeOptions {
  /** Whether checksums of everything are stored in the metadata `flowmap.crc32`; false unless given. */
  readonly checksums?: boolean;
}

/**
 * Writes tensors in the safetensors format (huggingface/safetensors): the length of the header as 8 little-endian
 * bytes, the header in JSON, the values. The same tensors and metadata give the same bytes: tensors are sorted by type,
 * widest first so that each is aligned, then by name. A float32 tensor held as doubles is stored as F64; nothing that a
 * tensor's dtype can hold is rounded.
 *
 * @param tensors by name
 * @param metadata text to store with them
 * @param options.checksums whether to store checksums, so that changed bytes are noticed when the
 *   file is read
 * @throws {ConfigError} for a tensor named `__metadata__`, or checksums among the metadata
 * @throws {ShapeError | DTypeError} for a tensor whose values do not fit its shape or dtype
 *
 * @example
 * const bytes = encodeSafetensors({ weight: hostTensor([2, 2], [1, 2, 3, 4]) }, { made: 'by hand' });
 */
export function encodeSafetensors(
  tensors: HostTensors,
  metadata: Readonly<Record<string, string>> = {},
  options: EncodeOptions = {},
): Uint8Array<ArrayBuffer> {
  requireKnownOptions('encodeSafetensors', options, { checksums: true });
  const { checksums = false } = options;
  if (Object.hasOwn(metadata, CHECKSUMS))
    throw new ConfigError(
      CHECKSUMS,
      "this metadata is the library's own; leave it out, or take the option `checksums`",
    );
  if (Object.hasOwn(tensors, METADATA))
    throw new ConfigError(METADATA, "this name is the format's own; rename the tensor");
  const entries = Object.entries(tensors).map(([name, tensor]) => {
    const checked = hostTensor(tensor.shape, tensor.data, tensor.dtype);
    return { name, shape: checked.shape, bytes: bytesOf(checked), type: storedTypeOf(checked) };
  });
  const width = (entry: (typeof entries)[number]): number => storedTypes.get(entry.type)!.width;
  entries.sort((a, b) => width(b) - width(a) || order(a.name, b.name));

  const sums = (): Record<string, string> => {
    const tensors = entries.map(({ bytes, ...entry }) => ({ ...entry, crc: crc32(bytes) }));
    return { [CHECKSUMS]: checksumText({ metadata, tensors }) };
  };
  const texts = Object.entries({ ...metadata, ...(checksums ? sums() : {}) }).sort(([a], [b]) => order(a, b));
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

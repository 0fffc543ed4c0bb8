import { mutateBytes, spliced } from './bytes.js';
import { mutateJson } from './json.js';
import { MAX_LENGTH, type Mutator } from './mutator.js';

/**
 * Changes in the header, with its length corrected, in the metadata's description of a model, in the data, or anywhere.
 */
export const mutateSafetensors: Mutator = (bytes, random, other) => {
  const { header, data } = partsOf(bytes);
  if (!header || random.once(10)) return mutateBytes(bytes, random, other);
  switch (random.below(4)) {
    case 0:
      return joined(header, mutateBytes(data, random, partsOf(other).data));
    case 1:
      return joined(mutateJson(header, random, partsOf(other).header ?? other), data);
    default:
      return joined(
        withDescription(header, (text) => mutateJson(text, random, other)),
        data,
      );
  }
};

function partsOf(bytes: Uint8Array): { header?: Uint8Array; data: Uint8Array } {
  if (bytes.length < 8) return { data: bytes };
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0, true));
  if (length > bytes.length - 8) return { data: bytes };
  return { header: bytes.subarray(8, 8 + length), data: bytes.subarray(8 + length) };
}

function joined(header: Uint8Array, data: Uint8Array): Uint8Array {
  const start = new Uint8Array(8);
  new DataView(start.buffer).setBigUint64(0, BigInt(header.length), true);
  return spliced(Buffer.concat([start, header, data]).subarray(0, MAX_LENGTH), 0, 0, new Uint8Array());
}

/** The header with a change in the text that describes a model; unchanged if there is none. */
function withDescription(header: Uint8Array, change: (text: Uint8Array) => Uint8Array): Uint8Array {
  try {
    const value = JSON.parse(Buffer.from(header).toString()) as { __metadata__: { flowmap: string } };
    value.__metadata__.flowmap = Buffer.from(change(Buffer.from(value.__metadata__.flowmap))).toString();
    return Buffer.from(JSON.stringify(value));
  } catch {
    return header;
  }
}

import type { Random } from '../random.js';
import { edges, MAX_LENGTH, type Mutator } from './mutator.js';

/**
 * Changes that need no knowledge of a format: bits, bytes, words with extreme values, parts that are left out,
 * doubled or taken from elsewhere.
 */
export const mutateBytes: Mutator = (bytes, random, other) => {
  const at = random.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + 1 + random.below(random.pick([4, 16, 256])));
  switch (random.below(8)) {
    case 0:
      return changed(bytes, (copy) => {
        if (copy.length > 0) copy[at % copy.length]! ^= 1 << random.below(8);
      });
    case 1:
      return changed(bytes, (copy) => {
        if (copy.length > 0) copy[at % copy.length] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
      });
    case 2:
      return changed(bytes, (copy) => setWord(copy, at, random));
    case 3:
      return spliced(bytes, at, end, new Uint8Array());
    case 4:
      return spliced(bytes, at, at, bytes.subarray(at, end));
    case 5:
      return bytes.slice(0, at);
    case 6:
      return spliced(
        bytes,
        at,
        at,
        Uint8Array.from({ length: 1 + random.below(8) }, () => random.below(256)),
      );
    default: {
      const from = random.below(other.length + 1);
      return spliced(bytes, at, end, other.subarray(from, from + 1 + random.below(256)));
    }
  }
};

/** A copy with one change. */
export function changed(bytes: Uint8Array, change: (copy: Uint8Array) => void): Uint8Array {
  const copy = Uint8Array.from(bytes);
  change(copy);
  return copy;
}

/** The bytes with those from `at` to `end` replaced. */
export function spliced(bytes: Uint8Array, at: number, end: number, by: Uint8Array): Uint8Array {
  const result = new Uint8Array(Math.min(MAX_LENGTH, at + by.length + bytes.length - end));
  result.set(bytes.subarray(0, Math.min(at, result.length)));
  result.set(by.subarray(0, Math.max(0, result.length - at)), Math.min(at, result.length));
  const rest = at + by.length;
  if (rest < result.length) result.set(bytes.subarray(end, end + result.length - rest), rest);
  return result;
}

/** Puts an extreme value in a word of 2 or 4 bytes, in either byte order. */
export function setWord(bytes: Uint8Array, at: number, random: Random): void {
  const width = random.pick([2, 4]);
  if (bytes.length < width) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const offset = Math.min(at, bytes.length - width);
  const value = random.pick(edges);
  if (width === 2) view.setUint16(offset, value, random.once(2));
  else view.setUint32(offset, value, random.once(2));
}

import { crc32, gunzipSync, gzipSync } from 'node:zlib';
import { changed, mutateBytes, setWord, spliced } from './bytes.js';
import { MAX_LENGTH, type Mutator } from './mutator.js';

/**
 * Changes in an IDX file: its magic number and lengths, with data to match or not; inside gzip if it is
 * compressed.
 */
export const mutateIdx: Mutator = withinGzip((bytes, random, other) => {
  switch (random.below(4)) {
    case 0:
      return changed(bytes, (copy) => setWord(copy, 4 * random.below(5), random));
    case 1:
      return changed(bytes, (copy) => {
        if (copy.length > 3) copy[random.pick([2, 3])] = random.below(16);
      });
    case 2: {
      const shape = Array.from({ length: 1 + random.below(4) }, () => 1 + random.below(5));
      const size = shape.reduce((product, length) => product * length, 1);
      const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
      header.setUint32(0, 0x0800 + shape.length);
      shape.forEach((length, axis) => header.setUint32(4 + 4 * axis, length));
      return Buffer.concat([new Uint8Array(header.buffer), new Uint8Array(size - Math.min(random.below(3), size))]);
    }
    default:
      return mutateBytes(bytes, random, other);
  }
});

/** Changes in CIFAR-10 records: labels, whole records, bytes; inside gzip if they are compressed. */
export const mutateCifar10: Mutator = withinGzip((bytes, random, other) => {
  const record = 3073 * random.below(Math.ceil(bytes.length / 3073) || 1);
  switch (random.below(4)) {
    case 0:
      return changed(bytes, (copy) => {
        if (copy.length > record) copy[record] = random.below(20);
      });
    case 1:
      return spliced(bytes, record, record, bytes.subarray(0, 3073));
    case 2:
      return spliced(bytes, record, Math.min(bytes.length, record + 3073), new Uint8Array());
    default:
      return mutateBytes(bytes, random, other);
  }
});

/**
 * The header of a pixel file: magic bytes, checksum and six sizes, then two fingerprints; pixels and trailer
 * follow.
 */
const CACHE_HEADER = 100;

/** Changes in a cache of images: sizes, pixels and trailer, mostly with the checksum corrected. */
export const mutateCache: Mutator = (bytes, random, other) => {
  const next = random.once(2)
    ? changed(bytes, (copy) => setWord(copy, 8 + 4 * random.below(7), random))
    : mutateBytes(bytes, random, other);
  if (next.length < CACHE_HEADER || random.once(4)) return next;
  return changed(next, (copy) => {
    const view = new DataView(copy.buffer);
    const pixels = [12, 16, 20, 24].reduce((product, at) => product * view.getUint32(at, true), 1);
    const trailer = copy.subarray(Math.min(CACHE_HEADER + pixels, copy.length));
    view.setUint32(8, crc32(trailer, crc32(copy.subarray(12, CACHE_HEADER))), true);
  });
};

/** Applies a mutator to what gzip has compressed, or compresses the input, or changes the compressed bytes. */
function withinGzip(mutate: Mutator): Mutator {
  return (bytes, random, other) => {
    if (random.once(16)) return gzipSync(bytes).subarray(0, MAX_LENGTH);
    if (random.once(64)) return gzipSync(new Uint8Array(random.pick([100, 2 ** 16, 2 ** 20, 2 ** 23])));
    if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return mutate(bytes, random, other);
    if (random.once(3)) return mutateBytes(bytes, random, other);
    try {
      const plain = gunzipSync(bytes, { maxOutputLength: MAX_LENGTH });
      return gzipSync(mutate(plain, random, other)).subarray(0, MAX_LENGTH);
    } catch {
      return mutateBytes(bytes, random, other);
    }
  };
}

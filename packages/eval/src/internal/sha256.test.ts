import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { hashOf, quickHashOf, sha256 } from './sha256.js';

test.each([0, 1, 3, 55, 56, 63, 64, 65, 119, 120, 1000])('SHA-256 of %i bytes is that of Node', (length) => {
  const bytes = Uint8Array.from({ length }, (_, i) => (37 * i + 11) % 256);
  expect(sha256(bytes)).toBe(createHash('sha256').update(bytes).digest('hex'));
});

test('arrays are hashed one after the other, each in its own range of its buffer', async () => {
  const all = Float64Array.of(1, 2, 3, 4);
  expect(hashOf(all.subarray(1, 3), Int32Array.of(5))).toBe(hashOf(Float64Array.of(2, 3), Int32Array.of(5)));
  expect(hashOf(all.subarray(1, 3))).not.toBe(hashOf(all.subarray(0, 2)));
  expect(await quickHashOf(all.subarray(1, 3), Int32Array.of(5))).toBe(hashOf(all.subarray(1, 3), Int32Array.of(5)));
});

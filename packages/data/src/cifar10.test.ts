import { DataError } from '@flowmap/core';
import { describeDataset } from '@flowmap/core/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CIFAR10_CLASSES, parseCifar10 } from './cifar10.js';

/** Records in the format; pixel k of record i is `(k + 7 i) mod 256`. */
function records(labels: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(labels.length * 3073);
  labels.forEach((label, i) => {
    bytes[i * 3073] = label;
    for (let k = 0; k < 3072; k++) bytes[i * 3073 + 1 + k] = k + 7 * i;
  });
  return bytes;
}

describeDataset('of CIFAR-10 bytes', () => parseCifar10(records([3, 0, 9])));

test('every pixel and label comes back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(9), { minLength: 1, maxLength: 5 }), async (labels) => {
      const data = parseCifar10(records(labels));
      expect(data).toMatchObject({ length: labels.length, shape: [3, 32, 32], classes: CIFAR10_CLASSES });
      const batch = await data.batch(labels.map((_, i) => i));
      expect([...batch.conditions['label']!]).toEqual(labels);
      const expected = labels.flatMap((_, i) => Array.from({ length: 3072 }, (_, k) => (k + 7 * i) % 256));
      expect(batch.x.length).toBe(expected.length);
      expect(batch.x.every((value, k) => value === Math.fround(expected[k]! / 127.5 - 1))).toBe(true);
    }),
    { numRuns: 20 },
  );
});

test('a view into a larger buffer is read from where it begins', async () => {
  const data = parseCifar10(records([4, 5]).subarray(3073));
  expect([...(await data.batch([0])).conditions['label']!]).toEqual([5]);
});

test('bytes of another kind are refused, by name', () => {
  const two = records([1, 2]);
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /^a\.bin: wanted one or more CIFAR-10 records of 3073 bytes, got 0 bytes$/],
    [two.subarray(0, 6000), /^a\.bin: .*got 6000 bytes: 2927 bytes are left over/],
    [records([1, 2, 10]), /^a\.bin: record 2 has label 10/],
  ];
  for (const [bytes, message] of cases) {
    expect(() => parseCifar10(bytes, { source: 'a.bin' })).toThrow(DataError);
    expect(() => parseCifar10(bytes, { source: 'a.bin' })).toThrow(message);
  }
});

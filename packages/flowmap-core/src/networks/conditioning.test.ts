import { hostTensor, jvp } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { expect, test } from 'vitest';
import { timeFeatures } from './conditioning.js';

const runtime = referenceRuntime();

test('features of time are cosines, then sines, of frequencies from 1.5 to 25', async () => {
  const t = [0, 0.3, 1];
  const { shape, data } = await evaluate(runtime, (t) => timeFeatures(t), [hostTensor([3], Float64Array.from(t))]);
  expect(shape).toEqual([3, 64]);
  t.forEach((time, i) => {
    for (let k = 0; k < 32; k++) {
      const frequency = 1.5 * (25 / 1.5) ** (k / 31);
      expect(data[i * 64 + k]).toBeCloseTo(Math.cos(frequency * time), 12);
      expect(data[i * 64 + 32 + k]).toBeCloseTo(Math.sin(frequency * time), 12);
    }
  });
  expect(data[64]).toBeCloseTo(Math.cos(1.5 * 0.3), 12);
  expect(data[64 + 31]).toBeCloseTo(Math.cos(25 * 0.3), 12);
});

test('their derivative in time stays below 25, and they tell nearby times apart', async () => {
  const times = hostTensor(
    [101],
    Float64Array.from({ length: 101 }, (_, i) => i / 100),
  );
  const [features, derivative] = await evaluate(runtime, (t) => jvp(timeFeatures, [t], [t.mul(0).add(1)]), [times]);
  expect(Math.max(...derivative!.data.map(Math.abs))).toBeLessThanOrEqual(25);
  for (let i = 0; i < 100; i++) {
    const row = (j: number) => features!.data.slice(64 * j, 64 * (j + 1));
    const distance = Math.hypot(...row(i).map((value, k) => value - row(i + 1)[k]!));
    // Each pair of cosine and sine moves by about its frequency / 100; the root of their mean square is 11.
    expect(distance).toBeGreaterThan(0.3);
  }
});

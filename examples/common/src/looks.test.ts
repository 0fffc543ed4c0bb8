import { describe, expect, test } from 'vitest';
import { noiseWays, slerp } from './looks.js';

describe('the way from one vector to another', () => {
  const [a, b] = [Float32Array.of(3, 0), Float32Array.of(0, 3)];

  test('starts and ends there, and keeps its length', () => {
    expect([...slerp(a, b, 0)]).toEqual([3, 0]);
    expect(Math.abs(slerp(a, b, 1)[0]!)).toBeLessThan(1e-6);
    for (const share of [0.1, 0.5, 0.9]) expect(Math.hypot(...slerp(a, b, share))).toBeCloseTo(3, 5);
    expect([...slerp(a, b, 1 / 3)].map((value) => Number(value.toFixed(4)))).toEqual([2.5981, 1.5]);
  });

  test('to itself stays there', () => {
    expect([...slerp(a, a, 0.3)]).toEqual([3, 0]);
  });
});

test('noises on the way are as large as normal noise', () => {
  const { shape, data } = noiseWays([3, 16, 16]);
  expect(shape).toEqual([36, 3, 16, 16]);
  for (let i = 0; i < 36; i++) {
    const rms = Math.hypot(...data.subarray(768 * i, 768 * (i + 1))) / Math.sqrt(768);
    // The deviation of the root mean square of 768 normal numbers is 1 / sqrt(2 * 768) = 0.026.
    expect(Math.abs(rms - 1)).toBeLessThan(0.1);
  }
});

import { describe, expect, test } from 'vitest';
import { halflifeEma, powerEma } from './ema.js';
import type { Schedule } from './schedules.js';

/** Weight of each step, 1 to n, and of the initial value in the average after step n. */
function profile(decay: Schedule, n: number): { weights: number[]; initial: number } {
  const weights: number[] = [];
  let rest = 1;
  for (let step = n - 1; step >= 0; step--) {
    const beta = decay({ step, iterations: n });
    weights[step] = rest * (1 - beta);
    rest *= beta;
  }
  return { weights, initial: rest };
}

describe('powerEma', () => {
  test.each([0.05, 0.1, 0.2])('of width %d averages with that deviation and forgets the start', (width) => {
    const n = 20_000;
    const { weights, initial } = profile(powerEma(width), n);
    expect(initial).toBe(0);
    const moment = (power: number): number => weights.reduce((sum, w, k) => sum + w * ((k + 1) / n) ** power, 0);
    expect(moment(0)).toBeCloseTo(1, 10);
    // The definition is the limit for many steps; the difference is of order 1 / n.
    expect(Math.sqrt(moment(2) - moment(1) ** 2)).toBeCloseTo(width, 3);
  });

  test('is the same profile for short runs', () => {
    const mean = (n: number): number =>
      profile(powerEma(0.1), n).weights.reduce((sum, w, k) => sum + (w * (k + 1)) / n, 0);
    expect(Math.abs(mean(200) - mean(20_000))).toBeLessThan(0.01);
  });

  test('refuses widths out of their range', () => {
    expect(() => powerEma(0.3)).toThrow('powerEma.width: wanted a number in (0, 0.28), got 0.3');
    expect(() => powerEma(0)).toThrow('powerEma.width');
  });
});

describe('halflifeEma', () => {
  test('halves what it remembers in every half-life', () => {
    const decay = halflifeEma(100, Infinity);
    expect(decay({ step: 5, iterations: 10 }) ** 100).toBeCloseTo(0.5, 12);
  });

  test('remembers a fraction of a short run', () => {
    expect(halflifeEma(1000, 0.1)({ step: 49, iterations: 50 })).toBeCloseTo(0.5 ** (1 / 5), 12);
    expect(profile(halflifeEma(1000, 0.1), 100).initial).toBeLessThan(1e-5);
  });

  test('refuses settings out of their range', () => {
    expect(() => halflifeEma(0)).toThrow('halflifeEma.halflife');
    expect(() => halflifeEma(1, 0)).toThrow('halflifeEma.ramp');
  });
});

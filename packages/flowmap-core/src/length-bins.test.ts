import { ConfigError } from '@flowmap/tensor';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { intervalsIn, isIn, lengthBins } from './length-bins.js';

test('lengths halve down to s = t', () => {
  expect(lengthBins(2)).toEqual([
    { from: 1 / 2, to: 1 },
    { from: 1 / 4, to: 1 / 2 },
    { from: 0, to: 1 / 4 },
    { from: 0, to: 0 },
  ]);
  expect(lengthBins()).toHaveLength(8);
  expect(() => lengthBins(0.5)).toThrow(ConfigError);
});

test('every interval is in one bin', () => {
  const time = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(time, time, (a, b) => {
      const bins = lengthBins().filter((bin) => isIn(bin, a, b));
      expect(bins).toHaveLength(1);
      expect(lengthBins().filter((bin) => isIn(bin, b, a))).toEqual(bins);
    }),
  );
});

test('drawn intervals lie in [0, 1] and in their bin, and depend on seed and sample alone', () => {
  for (const bin of lengthBins()) {
    const { t, s } = intervalsIn(bin, 3, 200);
    // Times are rounded to float32, each by up to 2^-25.
    const slack = bin.to === 0 ? 0 : 2 ** -24;
    t.forEach((time, i) => {
      expect(s[i]).toBeGreaterThanOrEqual(0);
      expect(time).toBeLessThanOrEqual(1);
      expect(time - s[i]!).toBeGreaterThanOrEqual(bin.from - slack);
      expect(time - s[i]!).toBeLessThanOrEqual(bin.to + slack);
    });
    expect(intervalsIn(bin, 3, 10).t).toEqual(t.slice(0, 10));
    expect(intervalsIn(bin, 4, 10).t).not.toEqual(t.slice(0, 10));
  }
});

test('lengths fill their bin, and starts what is left', () => {
  const { t, s } = intervalsIn({ from: 0.25, to: 0.5 }, 0, 4000);
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  // The mean of 4,000 uniform numbers of a range is off by 0.005 ranges (standard deviation); five of them are allowed.
  expect(mean([...t].map((time, i) => time - s[i]!))).toBeCloseTo(0.375, 2);
  const relative = mean([...s].map((start, i) => start / (1 - (t[i]! - start))));
  expect(Math.abs(relative - 0.5)).toBeLessThan(0.025);
});

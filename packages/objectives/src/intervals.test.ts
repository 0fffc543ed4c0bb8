import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { logitNormalLengths, logUniformLengths, sampleIntervals } from './intervals.js';

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const share = (values: readonly number[], holds: (value: number) => boolean): number =>
  values.filter(holds).length / values.length;

/** Greatest distance between the distribution of values and the uniform one on [0, 1]. */
function distanceFromUniform(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.max(...sorted.map((value, i) => Math.abs(value - (i + 0.5) / sorted.length)));
}

describe('logitNormalLengths', () => {
  test.each([
    { tau: [-0.8, 1], median: 0.31, meanD: 0.34, meanT: 0.67, above: 0.0013, below: 0.016 },
    { tau: [-0.6, 1.6], median: 0.354, meanD: 0.398, meanT: 0.698, above: 0.04, below: 0.072 },
  ])('has the statistics of its definition for tau ~ N$tau', ({ tau, median, meanD, meanT, above, below }) => {
    const count = 100_000;
    const { t, s } = sampleIntervals({ seed: 1, step: 0 }, count, logitNormalLengths({ mean: tau[0]!, std: tau[1]! }));
    const d = [...t].map((value, i) => value - s[i]!);
    // The figures are rounded to 0.0005; standard errors are at most 0.0009 (for the mean, with deviation 0.28, and for
    // the shares).
    expect(Math.abs(d.toSorted((a, b) => a - b)[count / 2]! - median)).toBeLessThan(0.004);
    expect(Math.abs(mean(d) - meanD)).toBeLessThan(0.004);
    expect(Math.abs(mean([...t]) - meanT)).toBeLessThan(0.004);
    expect(Math.abs(mean([...s]) - (1 - meanT))).toBeLessThan(0.004);
    expect(Math.abs(share(d, (value) => value > 0.9) - above)).toBeLessThan(0.003);
    expect(Math.abs(share(d, (value) => value < 0.05) - below)).toBeLessThan(0.003);
  });

  test('refuses a deviation that is not positive', () => {
    expect(() => logitNormalLengths({ std: NaN })).toThrow('logitNormalLengths.std: wanted a number > 0, got NaN');
  });
});

describe('logUniformLengths', () => {
  const lengths = logUniformLengths({ shortest: 1 / 64 });
  const count = 20_000;
  const draws = Array.from({ length: count }, (_, sample) => lengths.draw({ seed: 2, step: 0, sample }));

  test('the logarithm is uniform', () => {
    const logs = draws.map((d) => Math.log(d) / Math.log(1 / 64));
    // Kolmogorov-Smirnov: the distance exceeds 1.95 / sqrt(n) once in a thousand seeds.
    expect(distanceFromUniform(logs)).toBeLessThan(1.95 / Math.sqrt(count));
  });

  test('gives each of the six halvings down to 1/64 the same share', () => {
    for (let k = 0; k < 6; k++) {
      const within = share(draws, (d) => d <= 2 ** -k && d > 2 ** -(k + 1));
      expect(Math.abs(within - 1 / 6)).toBeLessThan(0.011); // four standard errors
    }
    // E d = (1 - a) / ln(1 / a); the deviation is 0.26, its standard error 0.0018.
    expect(Math.abs(mean(draws) - 63 / 64 / Math.log(64))).toBeLessThan(0.0074);
  });

  test('refuses a shortest length that is none', () => {
    for (const shortest of [0, 1, -0.1, NaN]) {
      expect(() => logUniformLengths({ shortest })).toThrow('logUniformLengths.shortest: wanted a number in (0, 1)');
    }
  });
});

describe('sampleIntervals', () => {
  test('lies within [0, 1], with the wanted share at s = t, whatever the batch size', () => {
    const settings = fc.record({
      count: fc.integer({ min: 1, max: 200 }),
      fewer: fc.double({ min: 0, max: 1, noNaN: true }),
      quarters: fc.integer({ min: 0, max: 3 }),
      shortest: fc.double({ min: 1e-4, max: 0.99, noNaN: true }),
      seed: fc.nat(),
      step: fc.nat(),
    });
    fc.assert(
      fc.property(settings, ({ count, fewer, quarters, shortest, seed, step }) => {
        const lengths = logUniformLengths({ shortest });
        const { t, s } = sampleIntervals({ seed, step }, count, lengths, quarters / 4);
        t.forEach((time, i) => {
          expect(s[i]).toBeGreaterThanOrEqual(0);
          expect(time).toBeGreaterThanOrEqual(s[i]!);
          expect(time).toBeLessThanOrEqual(1);
        });
        expect(t.filter((time, i) => time === s[i])).toHaveLength(Math.floor((count * quarters) / 4));
        const some = Math.floor(fewer * count);
        expect(sampleIntervals({ seed, step }, some, lengths, quarters / 4)).toEqual({
          t: t.slice(0, some),
          s: s.slice(0, some),
        });
      }),
    );
  });

  test('covers [0, 1] evenly on the diagonal', () => {
    const { t, s } = sampleIntervals({ seed: 0, step: 0 }, 20_000, logUniformLengths(), 0.5);
    const diagonal = [...t].filter((time, i) => time === s[i]);
    expect(diagonal).toHaveLength(10_000);
    expect(distanceFromUniform(diagonal)).toBeLessThan(1.95 / Math.sqrt(diagonal.length));
  });
});

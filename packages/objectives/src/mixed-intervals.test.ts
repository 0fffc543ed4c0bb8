import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diagonalIntervals, intervalsToData, logUniformLengths, sampleIntervals } from './intervals.js';
import { lengthCurriculum } from './length-curriculum.js';
import { mixedIntervals } from './mixed-intervals.js';
import { stepIntervals } from './step-intervals.js';

/** Distributions of all kinds, mixtures of mixtures among them. */
const distribution = fc.letrec<{
  leaf: ReturnType<typeof logUniformLengths>;
  any: ReturnType<typeof logUniformLengths>;
}>((tie) => ({
  leaf: fc.oneof(
    fc.double({ min: 1e-3, max: 0.9, noNaN: true }).map((shortest) => logUniformLengths({ shortest })),
    fc.constant(diagonalIntervals()),
    fc.constant(intervalsToData()),
    fc
      .record({
        steps: fc.uniqueArray(fc.integer({ min: 1, max: 16 }), { minLength: 1, maxLength: 4 }),
        hold: fc.constantFrom('end' as const, 'start' as const),
        spread: fc.constantFrom(0, 0.3, 1),
      })
      .map(stepIntervals),
  ),
  any: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    tie('leaf'),
    fc
      .array(fc.record({ weight: fc.integer({ min: 1, max: 9 }), of: tie('any') }), { minLength: 1, maxLength: 4 })
      .map((parts) => {
        const total = parts.reduce((sum, { weight }) => sum + weight, 0);
        return mixedIntervals(parts.map(({ weight, of }) => ({ share: weight / total, of })));
      }),
    fc
      .record({ of: tie('any'), from: fc.double({ min: 0.01, max: 1, noNaN: true }) })
      .map(({ of, from }) => lengthCurriculum(of, { from })),
  ),
})).any;

describe('mixedIntervals', () => {
  test('of anything draws intervals in [0, 1] within its range, the same whatever the batch size', () => {
    const settings = fc.record({
      lengths: distribution,
      count: fc.integer({ min: 1, max: 60 }),
      fewer: fc.integer({ min: 0, max: 60 }),
      seed: fc.nat(),
      step: fc.integer({ min: 0, max: 99 }),
    });
    fc.assert(
      fc.property(settings, ({ lengths, count, fewer, seed, step }) => {
        const key = { seed, step, iterations: 100 };
        const { t, s } = sampleIntervals(key, count, lengths);
        const [shortest, longest] = lengths.range ?? [0, 1];
        t.forEach((time, i) => {
          expect(s[i]).toBeGreaterThanOrEqual(0);
          expect(time).toBeGreaterThanOrEqual(s[i]!);
          expect(time).toBeLessThanOrEqual(1);
          // Both ends are rounded to float32, by up to 6e-8.
          expect(time - s[i]!).toBeGreaterThanOrEqual(shortest - 2e-7);
          expect(time - s[i]!).toBeLessThanOrEqual(longest + 2e-7);
        });
        const some = Math.min(fewer, count);
        expect(sampleIntervals(key, some, lengths)).toEqual({ t: t.slice(0, some), s: s.slice(0, some) });
      }),
    );
  });

  test('gives every part its share of each batch to a sample', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 40 }), (parts, times, more) => {
        const total = parts.reduce((a, b) => a + b);
        // Part k draws the length k / 10.
        const of = parts.map((weight, k) => ({
          share: weight / total,
          of: { name: `${k}`, config: {}, draw: () => k / 10 },
        }));
        const counted = (count: number): number[] => {
          const { t, s } = sampleIntervals({ seed: 0, step: 0, iterations: 1 }, count, mixedIntervals(of));
          const drawn = [...t].map((time, i) => Math.round(10 * (time - s[i]!)));
          return parts.map((_, k) => drawn.filter((value) => value === k).length);
        };
        // Exact where the shares are whole numbers of samples, and elsewhere off by less than one for each part before.
        expect(counted(times * total)).toEqual(parts.map((weight) => times * weight));
        counted(more).forEach((count, k) => {
          expect(Math.abs(count - (more * parts[k]!) / total)).toBeLessThan(parts.length);
        });
      }),
    );
  });

  test('keeps the shares of what a share on the diagonal leaves', () => {
    const lengths = mixedIntervals([
      { share: 0.25, of: intervalsToData(logUniformLengths({ shortest: 0.5 })) },
      { share: 0.75, of: logUniformLengths({ shortest: 0.01, longest: 0.1 }) },
    ]);
    const { t, s } = sampleIntervals({ seed: 1, step: 2, iterations: 9 }, 64, lengths, 0.25);
    expect([...t].filter((time, i) => time === s[i])).toHaveLength(16);
    expect([...s].filter((start, i) => start === 0 && t[i] !== 0)).toHaveLength(12);
    expect([...t].filter((time, i) => time !== s[i] && time - s[i]! < 0.2)).toHaveLength(36);
  });

  test('gives its parts to the settings of an objective', () => {
    const parts = [
      { share: 0.75, of: logUniformLengths() },
      { share: 0.25, of: diagonalIntervals() },
    ];
    expect(mixedIntervals(parts)).toMatchObject({
      name: 'mixed',
      config: { '0.share': 0.75, '0.of': 'log-uniform', '0.of.shortest': 1 / 64, '1.share': 0.25, '1.of': 'diagonal' },
      range: [0, 1],
    });
  });

  test('refuses shares that are none, or do not sum to 1', () => {
    const of = diagonalIntervals();
    expect(() =>
      mixedIntervals([
        { share: 0.25, of },
        { share: 0.5, of },
      ]),
    ).toThrow('mixedIntervals.share: wanted shares that sum to 1, got 0.25 + 0.5 = 0.75');
    expect(() => mixedIntervals([])).toThrow('wanted shares that sum to 1, got none = 0');
    for (const share of [0, -0.5, 1.5, NaN]) {
      expect(() => mixedIntervals([{ share, of }])).toThrow(
        expect.objectContaining({ name: 'ConfigError', option: 'mixedIntervals.share' }),
      );
    }
    expect(mixedIntervals(Array.from({ length: 3 }, () => ({ share: 1 / 3, of }))).range).toEqual([0, 0]);
  });
});

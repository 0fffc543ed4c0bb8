import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { constantSchedule, cosineSchedule, linearSchedule } from './schedules.js';

const at = (iterations: number) => (step: number) => ({ step, iterations });

describe('schedules', () => {
  test('linear: rises, then falls to the last step', () => {
    const schedule = linearSchedule(2, { warmupSteps: 4 });
    expect([0, 1, 2, 3, 4, 6, 8, 11].map(at(12)).map(schedule)).toEqual([0.5, 1, 1.5, 2, 2, 1.5, 1, 0.25]);
  });

  test('cosine: rises, then falls as half a cosine to its final share', () => {
    const schedule = cosineSchedule(2, { warmupSteps: 0, final: 0.1 });
    const values = [0, 25, 50, 75].map(at(100)).map(schedule);
    [0, 0.25, 0.5, 0.75].forEach((p, i) => expect(values[i]).toBeCloseTo(0.2 + 0.9 * (1 + Math.cos(Math.PI * p)), 12));
  });

  test('by default rises over a twentieth of the run and ends below 5 % of the peak', () => {
    for (const schedule of [linearSchedule(1), cosineSchedule(1)]) {
      const values = Array.from({ length: 400 }, (_, step) => schedule({ step, iterations: 400 }));
      expect(values.indexOf(Math.max(...values))).toBe(19);
      expect(values[0]).toBeCloseTo(1 / 20, 12);
      expect(values[399]).toBeLessThan(0.05);
      expect(values[399]).toBeGreaterThan(0);
      expect(schedule({ step: 999, iterations: 1_000_000 })).toBe(1);
    }
  });

  test('stays between 0 and its peak for every run', () => {
    const run = fc.integer({ min: 1, max: 5000 }).chain((iterations) =>
      fc.record({
        iterations: fc.constant(iterations),
        step: fc.integer({ min: 0, max: iterations - 1 }),
        warmupSteps: fc.option(fc.integer({ min: 0, max: 6000 }), { nil: undefined }),
        final: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    );
    fc.assert(
      fc.property(run, ({ step, iterations, warmupSteps, final }) => {
        for (const make of [linearSchedule, cosineSchedule]) {
          const value = make(3, { final, ...(warmupSteps === undefined ? {} : { warmupSteps }) })({ step, iterations });
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(3);
        }
      }),
    );
  });

  test('constant: is', () => {
    expect([0, 7].map(at(8)).map(constantSchedule(0.3))).toEqual([0.3, 0.3]);
  });

  test('refuses settings out of their range', () => {
    expect(() => cosineSchedule(-1)).toThrow('cosineSchedule.peak: wanted a number >= 0, got -1');
    expect(() => linearSchedule(1, { final: 2 })).toThrow('linearSchedule.final');
    expect(() => linearSchedule(1, { warmupSteps: -1 })).toThrow('linearSchedule.warmupSteps');
  });
});

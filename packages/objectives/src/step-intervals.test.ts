import { uniformGrid } from '@flowmap/core';
import { describe, expect, test } from 'vitest';
import { diagonalIntervals, logUniformLengths, sampleIntervals, uniformLengths } from './intervals.js';
import { lengthCurriculum } from './length-curriculum.js';
import { stepIntervals, type StepIntervalsOptions } from './step-intervals.js';

const count = 12_000;

/** Intervals of a number of steps among those aimed at, as `[t, s]`. */
function drawnFor(options: StepIntervalsOptions, steps: number): [number, number][] {
  const { t, s } = sampleIntervals({ seed: 2, step: 7, iterations: 10 }, count, stepIntervals(options));
  const first = options.steps.indexOf(steps);
  return Array.from({ length: count / options.steps.length }, (_, i) => {
    const place = i * options.steps.length + first;
    return [t[place]!, s[place]!];
  });
}

describe('stepIntervals', () => {
  const steps = [1, 2, 4];

  test.each(steps)('holds the ends of samplers of %i steps, each as often, and stays within a step', (number) => {
    const grid = [...uniformGrid(number)];
    for (const hold of ['end', 'start'] as const) {
      const drawn = drawnFor({ steps, hold }, number);
      const held = drawn.map(([t, s]) => (hold === 'end' ? s : t));
      const ends = hold === 'end' ? grid.slice(1) : grid.slice(0, -1);
      for (const end of ends) {
        const share = held.filter((time) => Math.abs(time - end) < 1e-6).length / drawn.length;
        // Four standard errors of a share of 4000 samples, and none of all of them.
        expect(Math.abs(share - 1 / number)).toBeLessThanOrEqual((4 * Math.sqrt((1 / number) * (1 - 1 / number))) / 63);
      }
      for (const [t, s] of drawn) expect(t - s).toBeLessThanOrEqual(1 / number + 1e-6);
    }
  });

  test('draws shares of the step by their distribution: of log-uniform ones in [1/16, 1] each halving has a fourth', () => {
    const shares = drawnFor({ steps }, 4).map(([t, s]) => 4 * (t - s));
    for (let k = 0; k < 4; k++) {
      const mass = shares.filter((d) => d <= 2 ** -k && d > 2 ** -(k + 1)).length / shares.length;
      expect(Math.abs(mass - 1 / 4)).toBeLessThan((4 * Math.sqrt(3)) / 4 / 63);
    }
    const uniform = drawnFor({ steps: [2], lengths: uniformLengths() }, 2).map(([t, s]) => 2 * (t - s));
    expect(Math.abs(uniform.reduce((a, b) => a + b) / uniform.length - 0.5)).toBeLessThan(0.011);
  });

  test('spreads the held end around the grid by at most half of what it is told, within [0, 1]', () => {
    const drawn = drawnFor({ steps: [4], spread: 0.5 }, 4).map(([, s]) => 4 * s);
    const off = drawn.map((s) => s - Math.round(s));
    expect(Math.max(...off)).toBeLessThanOrEqual(0.25 + 1e-6);
    expect(Math.max(...off)).toBeGreaterThan(0.24);
    expect(Math.min(...off)).toBeLessThan(-0.24);
    expect(Math.min(...drawn)).toBe(0);
  });

  test('says what it is, and which lengths it draws', () => {
    const { name, config, range } = stepIntervals({ steps });
    const lengths = { lengths: 'log-uniform', 'lengths.shortest': 1 / 16 };
    expect({ name, config }).toEqual({
      name: 'steps',
      config: { steps: '1, 2, 4', hold: 'end', spread: 0, ...lengths },
    });
    expect(range).toEqual([1 / 64, 1]);
  });

  test('refuses numbers of steps that are none', () => {
    for (const wrong of [[], [0], [1.5], [2, 2], [NaN]]) {
      expect(() => stepIntervals({ steps: wrong })).toThrow(
        expect.objectContaining({ name: 'ConfigError', option: 'stepIntervals.steps' }),
      );
    }
    expect(() => stepIntervals({ steps, spread: 2 })).toThrow('stepIntervals.spread: wanted a number in [0, 1], got 2');
    expect(() => stepIntervals({ steps, hold: 'both' as 'end' })).toThrow("wanted 'end' or 'start', got 'both'");
  });

  test('refuses lengths that cannot serve the steps aimed at, since they never are a whole one', () => {
    expect(() => stepIntervals({ steps, lengths: diagonalIntervals() })).toThrow(
      "stepIntervals.lengths: wanted shares of a step up to 1, the whole step, got 'diagonal' with at most 0",
    );
    const half = logUniformLengths({ longest: 0.5 });
    for (const lengths of [half, lengthCurriculum(logUniformLengths(), { from: 0.1, to: 0.5 })]) {
      expect(() => stepIntervals({ steps, lengths })).toThrow('with at most 0.5');
    }
  });
});

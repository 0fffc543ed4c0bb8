import { referenceRuntime } from '@flowmap/runtime-reference';
import { describe, expect, test } from 'vitest';
import { flowMatching } from './flow-matching.js';
import { describeObjective, evaluateToy } from './testing/index.js';

const runtime = referenceRuntime();

describeObjective('flowMatching', () => flowMatching(), {
  runtime,
  usesTimeDerivative: false,
  // d/dtheta (F - v)^2 with F = a x (1 + b t + d t), since s = t
  gradient({ xt, t, velocity }, { a, b, d }) {
    const factor = 1 + b * t + d * t;
    const error = 2 * (a * xt * factor - velocity);
    return [error * xt * factor, error * a * xt * t, error * a * xt * t];
  },
});

describe('flowMatching', () => {
  const draw = (objective = flowMatching(), count = 20_000): number[] => [
    ...objective.draw({ seed: 0, step: 0 }, count).t,
  ];
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

  test('loss is the squared error, summed over a sample and averaged over the batch', async () => {
    const samples = [
      { x0: 1, noise: 1, t: 0.5, s: 0.5, velocity: 3 },
      { x0: 2, noise: 2, t: 0.5, s: 0.5, velocity: 2 },
    ];
    // F = x, so the errors are 1 - 3 and 2 - 2
    const { loss, velocityError } = await evaluateToy(runtime, flowMatching(), { a: 1, b: 0, d: 0, e: 0 }, samples, {});
    expect([loss, velocityError]).toEqual([2, 1]);
  });

  test('logit-normal times have the mean and deviation they should, in the logit', () => {
    const logits = draw(flowMatching({ mean: -0.4, std: 1.3 })).map((t) => Math.log(t / (1 - t)));
    const centre = mean(logits);
    // Standard errors with 20,000 draws: 1.3 / 141 = 0.009 for the mean, 0.0065 for the deviation. The tolerances are
    // four standard errors.
    expect(Math.abs(centre + 0.4)).toBeLessThan(0.037);
    expect(Math.abs(Math.sqrt(mean(logits.map((l) => (l - centre) ** 2))) - 1.3)).toBeLessThan(0.026);
  });

  test('uniform times cover [0, 1) evenly', () => {
    const times = draw(flowMatching({ times: 'uniform' })).sort((a, b) => a - b);
    // Kolmogorov-Smirnov: the distance exceeds 1.95 / sqrt(n) once in a thousand seeds.
    const distance = Math.max(...times.map((t, i) => Math.abs(t - (i + 0.5) / times.length)));
    expect(distance).toBeLessThan(1.95 / Math.sqrt(times.length));
  });

  test('targets the start time itself', () => {
    const { t, s } = flowMatching().draw({ seed: 0, step: 0 }, 16);
    expect(s).toEqual(t);
  });

  test('refuses a deviation that is not positive', () => {
    expect(() => flowMatching({ std: 0 })).toThrow('flowMatching.std: wanted a number > 0, got 0');
  });
});

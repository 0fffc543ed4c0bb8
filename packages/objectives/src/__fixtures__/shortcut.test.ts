import { referenceRuntime } from '@flowmap/runtime-reference';
import { expect, test } from 'vitest';
import { describeObjective, TOY_AVERAGE, toyAverageVelocity } from '../testing/index.js';
import { shortcut } from './shortcut.js';

for (const average of [null, 'ema']) {
  describeObjective(`shortcut, half steps of ${average ?? 'the student'}`, () => shortcut({ steps: 8, average }), {
    runtime: referenceRuntime(),
    // e changes the half steps, unless the average takes them.
    usesTimeDerivative: average === null,
    times: 'grid',
    // d/dtheta (F - target)^2, F = a x (1 + b t + d s)
    gradient(sample, params) {
      const { xt, t, s, velocity, draws } = sample;
      const guide = average === null ? params : TOY_AVERAGE;
      const middle = (t + s) / 2;
      const first = toyAverageVelocity(guide, sample, xt, t, middle);
      const second = toyAverageVelocity(guide, sample, xt + (middle - t) * first, middle, s);
      const target = draws['base']![0] === 1 ? velocity : (first + second) / 2;
      const factor = 1 + params.b * t + params.d * s;
      const pull = 2 * (params.a * factor * xt - target);
      return [pull * factor * xt, pull * params.a * t * xt, pull * params.a * s * xt];
    },
  });
}

test('draws steps of the grid, a share of them with halves on the grid', () => {
  const { t, s, base } = shortcut({ steps: 8 }).draw({ seed: 0, step: 0 }, 400);
  const lengths = new Map<number, number>();
  for (let i = 0; i < 400; i++) {
    expect((8 * t[i]!) % 1).toBe(0);
    const length = t[i]! - s[i]!;
    expect(s[i]! % length).toBe(0);
    expect(length === 1 / 8).toBe(base![i] === 1);
    lengths.set(length, (lengths.get(length) ?? 0) + 1);
  }
  expect([...lengths.keys()].sort()).toEqual([1 / 8, 1 / 4, 1 / 2, 1]);
  expect(lengths.get(1 / 8)).toBe(300);
});

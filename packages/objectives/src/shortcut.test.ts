import { gaussianFlowMap, gaussianVelocity } from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { expect, test } from 'vitest';
import { gradientNorms } from './__fixtures__/exact-maps.js';
import { toyF, toyGradient } from './__fixtures__/toy-gradients.js';
import { describeObjective, TOY_AVERAGE, toyAverageVelocity } from './testing/index.js';
import { shortcut } from './shortcut.js';

for (const average of [null, 'ema']) {
  describeObjective(`shortcut, half steps of ${average ?? 'the student'}`, () => shortcut({ steps: 8, average }), {
    runtime: referenceRuntime(),
    // e changes the half steps, unless the average takes them.
    usesTimeDerivative: average === null,
    times: 'grid',
    gradient(sample, params) {
      const { xt, t, s, velocity } = sample;
      const guide = average === null ? params : TOY_AVERAGE;
      const middle = (t + s) / 2;
      const isFinest = t - middle < 1.5 / 8;
      const first = toyAverageVelocity(guide, sample, xt, t, isFinest ? t : middle);
      const second = toyAverageVelocity(guide, sample, xt + (middle - t) * first, middle, isFinest ? middle : s);
      const target = t === s ? velocity : (first + second) / 2;
      return toyGradient(sample, params, 2 * (toyF(sample, params) - target));
    },
  });
}

test('draws steps of the grid, a share of them with halves on the grid, and the others at s = t', () => {
  const { t, s } = shortcut({ steps: 8 }).draw({ seed: 0, step: 0, iterations: 10 }, 400);
  const lengths = new Map<number, number>();
  for (let i = 0; i < 400; i++) {
    const length = t[i]! - s[i]!;
    expect((8 * t[i]!) % 1).toBe(0);
    if (length > 0) expect(s[i]! % length).toBe(0);
    lengths.set(length, (lengths.get(length) ?? 0) + 1);
  }
  expect([...lengths.keys()].sort()).toEqual([0, 1 / 4, 1 / 2, 1]);
  expect(lengths.get(0)).toBe(300);
});

test('refuses grids that cannot be halved', () => {
  for (const steps of [1, 12, NaN]) {
    expect(() => shortcut({ steps })).toThrow(expect.objectContaining({ option: 'shortcut.steps' }));
  }
});

test('the exact map is a fixed point up to the shortest half steps', async () => {
  const law = { std: 0.5 };
  const map = { map: gaussianFlowMap(law), teacher: gaussianVelocity(law) };
  const norms = await gradientNorms(referenceRuntime(), map, shortcut({ teacher: true }));
  expect(norms.perturbed).toBeGreaterThan(1e-2);
  expect(norms.exact / norms.perturbed).toBeLessThan(0.03);
});

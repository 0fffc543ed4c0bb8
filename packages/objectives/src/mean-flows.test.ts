import type { Objective } from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, type HostTensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { describe, expect, test } from 'vitest';
import { constantMap } from './__fixtures__/constant-map.js';
import { sumOf, toyDerivative, toyF, toyGradient } from './__fixtures__/toy-gradients.js';
import { alphaFlow } from './alpha-flow.js';
import { consistencyTraining } from './consistency-training.js';
import { decoupledMeanFlow } from './decoupled-mean-flow.js';
import { facm } from './facm.js';
import { improvedMeanFlow } from './improved-mean-flow.js';
import { meanFlow } from './mean-flow.js';
import { scm } from './scm.js';
import { soFlow } from './so-flow.js';
import {
  describeObjective,
  evaluateToy,
  toyAverageVelocity,
  type ToyCase,
  type ToyParameters,
} from './testing/index.js';

const runtime = referenceRuntime();
const c = 0.01;

/** The pull of `‖F - target‖² / (‖g‖² + c)^p` with `g = (F - target) / share`, over share. */
const adaptivePull = (error: number, share: number, power: number): number =>
  (2 * error) / share / ((error / share) ** 2 + c) ** power;

for (const [power, teacher] of [
  [1, true],
  [0, false],
] as const) {
  const of = `with p = ${power} ${teacher ? 'of a teacher' : 'from data'}`;
  describeObjective(`meanFlow ${of}`, () => meanFlow({ power, teacher }), {
    runtime,
    usesTimeDerivative: true,
    gradient(sample, params) {
      const { t, s, velocity: v } = sample;
      const target = v - (t - s) * toyDerivative(sample, params, v);
      return toyGradient(sample, params, adaptivePull(toyF(sample, params) - target, 1, power));
    },
  });
}

describeObjective('improvedMeanFlow', improvedMeanFlow, {
  runtime,
  usesTimeDerivative: true,
  gradient(sample, params) {
    const { xt, t, s, velocity: v } = sample;
    const own = toyAverageVelocity(params, sample, xt, t, t);
    const target = v - (t - s) * toyDerivative(sample, params, own);
    return toyGradient(sample, params, 2 * (toyF(sample, params) - target));
  },
});

describeObjective('decoupledMeanFlow', () => decoupledMeanFlow({ c: 0.01, teacher: true }), {
  runtime,
  usesTimeDerivative: true,
  gradient(sample, params) {
    const { x0, noise, t, s, velocity: v, draws, velocityAt } = sample;
    const time = draws['matchingTime']![0]!;
    const point = { xt: x0 + time * (-noise - x0), t: time, s: time };
    const matching = toyAverageVelocity(params, sample, point.xt, time, time) - velocityAt(point.xt, time);
    const error = toyF(sample, params) - v + (t - s) * toyDerivative(sample, params, v);
    return sumOf(
      toyGradient(point, params, matching / (matching ** 2 + c)),
      toyGradient(sample, params, error / (error ** 2 + c)),
    );
  },
});

test('decoupledMeanFlow averages squares over the values of a sample', async () => {
  const size = 16;
  const F = 0.3;
  const zeros = hostTensor([1, size], new Float64Array(size));
  const time = (value: number): HostTensor => hostTensor([1], Float64Array.of(value));
  const student = constantMap(F);
  for (const [c, wanted] of [
    [0.01, Math.log(F ** 2 + 0.01)],
    [Infinity, F ** 2],
  ] as const) {
    const loss = await evaluate(
      runtime,
      (x, t, s, matchingTime) => {
        const batch = { student, x0: x, noise: x, xt: x, t, s, draws: { matchingTime }, own: {}, schedules: {} };
        return decoupledMeanFlow({ c, teacher: true }).loss({ ...batch, velocity: () => x }).loss;
      },
      [zeros, time(0.8), time(0.1), time(0.5)],
    );
    expect(loss.data[0]).toBeCloseTo(wanted, 12);
  }
});

const discrete = (share: (schedules: Readonly<Record<string, number>>) => number, power: number) => ({
  runtime,
  usesTimeDerivative: true,
  gradient(sample: ToyCase, params: ToyParameters, schedules: Readonly<Record<string, number>>) {
    const { xt, t, s, velocity: v } = sample;
    const part = share(schedules);
    const F = toyAverageVelocity(params, sample, xt + part * (s - t) * v, t + part * (s - t), s);
    const target = part * v + (1 - part) * F;
    return toyGradient(sample, params, adaptivePull(toyF(sample, params) - target, part, power));
  },
});
describeObjective(
  'alphaFlow',
  () => alphaFlow({ teacher: true }),
  discrete(({ alpha = NaN }) => alpha, 1),
);
describeObjective(
  'soFlow',
  soFlow,
  discrete(({ share = NaN }) => share, 0),
);

describe('schedules', () => {
  const at = ({ schedules }: Objective, name: string): number[] =>
    [0, 500, 999].map((step) => schedules[name]!({ step, iterations: 1000 }));

  test('of α falls from 1 to its least value, half-way at 1/2', () => {
    const [first, middle, last] = at(alphaFlow(), 'alpha');
    expect(first).toBeGreaterThan(0.99999);
    expect(middle).toBeCloseTo(0.5, 12);
    expect(last).toBe(0.005);
  });

  test('of r falls geometrically', () => {
    const [first, middle, last] = at(soFlow(), 'share');
    expect(first).toBe(0.1);
    expect(middle).toBeCloseTo(Math.sqrt(0.1 * 0.002), 12);
    expect(last).toBeCloseTo(0.002, 4);
  });
});

test.each([
  meanFlow(),
  improvedMeanFlow({ power: 1 }),
  alphaFlow(),
  soFlow({ power: 0.5 }),
  decoupledMeanFlow(),
  facm({ teacher: false }),
  consistencyTraining(),
  scm({ teacher: false }),
])('$name with a weight by the error, from noisy velocities, is refused for few values', async (objective) => {
  const params = { a: 0.4, b: 0.3, d: -0.2, e: 0 };
  const { t, s } = objective.draw({ seed: 0, step: 0, iterations: 1 }, 1);
  const sample = { x0: 1, noise: 0.5, t: t[0]!, s: s[0]!, velocity: 1 };
  const schedules = { alpha: 0.5, share: 0.5, r: 1 };
  await expect(evaluateToy(runtime, objective, params, [sample], schedules)).rejects.toThrow(
    'training without a teacher on samples of 1 value',
  );
});

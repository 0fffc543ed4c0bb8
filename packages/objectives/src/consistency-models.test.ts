import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, type HostTensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { describe, expect, test } from 'vitest';
import { constantMap } from './__fixtures__/constant-map.js';
import { sumOf, toyDerivative, toyF, toyGradient } from './__fixtures__/toy-gradients.js';
import { cmt } from './cmt.js';
import { consistencyDistillation } from './consistency-distillation.js';
import { consistencyTraining } from './consistency-training.js';
import { ctm } from './ctm.js';
import { facm } from './facm.js';
import { scm } from './scm.js';
import { describeObjective, TOY_AVERAGE, toyAverageVelocity, type ToyCase } from './testing/index.js';

const runtime = referenceRuntime();

/** The mean velocity of a step of Heun's method. */
function heunVelocity({ velocityAt }: ToyCase, x: number, t: number, to: number): number {
  const first = velocityAt(x, t);
  return (first + velocityAt(x + (to - t) * first, to)) / 2;
}

describeObjective('consistencyDistillation', consistencyDistillation, {
  runtime,
  usesTimeDerivative: false,
  times: 'grid',
  gradient(sample, params) {
    const { xt, t, s, draws } = sample;
    const share = draws['share']![0]!;
    const next = t - share * (t - s);
    const v = heunVelocity(sample, xt, t, next);
    const there = toyAverageVelocity(TOY_AVERAGE, sample, xt + (next - t) * v, next, s);
    const target = share * v + (1 - share) * there;
    return toyGradient(sample, params, ((2 * (t - s)) / share) * (toyF(sample, params) - target));
  },
});

describeObjective('consistencyTraining', () => consistencyTraining({ distance: 'squared' }), {
  runtime,
  usesTimeDerivative: true,
  times: 'grid',
  gradient(sample, params) {
    const { x0, noise, xt, t, s, draws } = sample;
    const step = draws['share']![0]! * (t - s);
    const next = t - step;
    const x = x0 + next * (noise - x0);
    const there = x + (s - next) * toyAverageVelocity(params, sample, x, next, s);
    const error = xt + (s - t) * toyF(sample, params) - there;
    return toyGradient(sample, params, (2 * error * (s - t)) / step);
  },
});

describeObjective('ctm', ctm, {
  runtime,
  usesTimeDerivative: false,
  gradient(sample, params) {
    const { xt, t, s, draws, velocity } = sample;
    const slow = (x: number, from: number, to: number): number =>
      x + (to - from) * toyAverageVelocity(TOY_AVERAGE, sample, x, from, to);
    let [x, time] = [xt, t];
    const step = (draws['share']![0]! * (s - t)) / 2;
    for (let i = 0; i < 2; i++) {
      x += step * heunVelocity(sample, x, time, time + step);
      time += step;
    }
    const error = slow(xt + (s - t) * toyF(sample, params), s, 0) - slow(slow(x, time, s), s, 0);
    // The average is linear in x, so the derivative of its jump is the jump of 1.
    const pull = 2 * error * slow(1, s, 0) * (s - t);
    const matching = 2 * (toyAverageVelocity(params, sample, xt, t, t) - velocity);
    return sumOf(toyGradient(sample, params, pull), toyGradient({ xt, t, s: t }, params, matching));
  },
});

describeObjective('cmt', () => cmt({ steps: 4 }), {
  runtime,
  usesTimeDerivative: false,
  times: 'grid',
  gradient(sample, params) {
    const { noise, t, s } = sample;
    const points = [noise];
    for (let k = 0; k < 4; k++) {
      const [from, to] = [1 - k / 4, 1 - (k + 1) / 4];
      points.push(points[k]! - heunVelocity(sample, points[k]!, from, to) / 4);
    }
    const [x, y] = [points[4 * (1 - t)]!, points[4 * (1 - s)]!];
    const F = toyAverageVelocity(params, sample, x, t, s);
    return toyGradient({ xt: x, t, s }, params, 2 * (F - (x - y) / (t - s)));
  },
});

for (const [c, teacher] of [
  [0.1, true],
  [Infinity, false],
] as const) {
  describeObjective(`scm with c = ${c} ${teacher ? 'of a teacher' : 'from data'}`, () => scm({ c, teacher }), {
    runtime,
    usesTimeDerivative: true,
    gradient(sample, params, { r = NaN }) {
      const { xt, t, s, velocity: v } = sample;
      const rate = Math.PI / 2;
      const [tau, d] = [rate * t, rate * (t - s)];
      // F = 2 / π A mean velocity - tan(d / 2) x, with A = d / sin(d)
      const A = d === 0 ? 1 : d / Math.sin(d);
      const dA = d === 0 ? 0 : (rate * (Math.sin(d) - d * Math.cos(d))) / Math.sin(d) ** 2;
      const [mean, slope] = [toyF(sample, params), toyDerivative(sample, params, v)];
      const F = (A * mean) / rate - Math.tan(d / 2) * xt;
      const dF = (dA * mean + A * slope) / rate - (rate / 2 / Math.cos(d / 2) ** 2) * xt - Math.tan(d / 2) * v;
      const [cos, sin] = [Math.cos(tau), Math.sin(tau)];
      const g = cos ** 2 * (F - v / rate) + r * cos * sin * (xt + dF / rate);
      const pull = c === Infinity ? 2 * g : (2 * g) / (Math.abs(g) + c);
      return toyGradient(sample, params, (pull * A) / rate);
    },
  });
}

describeObjective('facm', facm, {
  runtime,
  usesTimeDerivative: true,
  // The cosine of two numbers is the product of their signs, and has no gradient.
  gradient(sample, params) {
    const { xt, t, s, velocity: v } = sample;
    const matched = toyAverageVelocity(params, sample, xt, t, t);
    const g = toyF(sample, params) - v + (t - s) * toyDerivative(sample, params, v);
    const relaxed = (1 - (1 - t) ** 0.5) * Math.max(-1, Math.min(1, g));
    const pull = ((2 * relaxed) / Math.sqrt(relaxed ** 2 + 1e-3)) * Math.cos((Math.PI / 2) * (1 - t));
    return sumOf(toyGradient({ xt, t, s: t }, params, 2 * (matched - v)), toyGradient(sample, params, pull));
  },
});

describe('grids of consistency models', () => {
  test('are doubled in equal parts of the run', () => {
    const objective = consistencyTraining({ firstSteps: 4, steps: 16, distance: 'squared' });
    const stepsAt = (step: number): number => {
      const { t, share } = objective.draw({ seed: 0, step, iterations: 9 }, 16);
      const counts = new Set(t.map((time, i) => Math.round(1 / (time * share![i]!))));
      expect(counts.size).toBe(1);
      return [...counts][0]!;
    };
    expect([0, 2, 3, 5, 6, 8].map(stepsAt)).toEqual([4, 4, 8, 8, 16, 16]);
  });

  test('that are not doubled are refused', () => {
    expect(() => consistencyTraining({ firstSteps: 10, steps: 30 })).toThrow(
      expect.objectContaining({ option: 'consistencyTraining.steps' }),
    );
    expect(() => consistencyDistillation({ steps: 1 })).toThrow(
      expect.objectContaining({ option: 'consistencyDistillation.steps' }),
    );
  });
});

test('CMT for consistency models has targets at data alone', () => {
  const { t, s } = cmt({ steps: 4, targets: 'data' }).draw({ seed: 0, step: 0, iterations: 1 }, 64);
  expect(new Set(s)).toEqual(new Set([0]));
  expect([...new Set(t)].sort()).toEqual([0.25, 0.5, 0.75, 1]);
});

test('the pairs of CMT are the same number of times each', () => {
  const { t, s } = cmt({ steps: 3 }).draw({ seed: 0, step: 0, iterations: 1 }, 6000);
  const counts = new Map<string, number>();
  t.forEach((time, i) => {
    const pair = `${Math.round(3 * time)} ${Math.round(3 * s[i]!)}`;
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  });
  expect([...counts.keys()].sort()).toEqual(['1 0', '2 0', '2 1', '3 0', '3 1', '3 2']);
  // 1000 of each, with a deviation of 29
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
});

test('the pseudo-Huber distance is that of the paper', async () => {
  const size = 16;
  const [F, t, share] = [0.3, 0.8, 0.25];
  const at = (value: number): HostTensor => hostTensor([1], Float64Array.of(value));
  const zeros = hostTensor([1, size], new Float64Array(size));
  const student = constantMap(F);
  const loss = await evaluate(
    runtime,
    (x, time, s, part) => {
      const batch = { student, x0: x, noise: x, xt: x, t: time, s, draws: { share: part }, own: {}, schedules: {} };
      return consistencyTraining().loss({ ...batch, velocity: () => x }).loss;
    },
    [zeros, at(t), at(0), at(share)],
  );
  const [distance, c] = [Math.sqrt(size) * F * share * t, 0.00054 * Math.sqrt(size)];
  expect(loss.data[0]).toBeCloseTo((Math.sqrt(distance ** 2 + c ** 2) - c) / (share * t), 12);
});

import { gaussianVelocity, type Objective } from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { gradients, hostTensor, type Tensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { expect, test } from 'vitest';
import { toyF, toyGradient } from './__fixtures__/toy-gradients.js';
import { discreteEmd } from './discrete-emd.js';
import { discreteLmd } from './discrete-lmd.js';
import { lengthWeight } from './loss-weights.js';
import { describeObjective, toyAverageVelocity, toyStudent } from './testing/index.js';

const runtime = referenceRuntime();
const epsilon = 0.25;

describeObjective('discreteEmd', () => discreteEmd({ epsilon }), {
  runtime,
  usesTimeDerivative: true,
  gradient(sample, params) {
    const { xt, t, s, velocity: v } = sample;
    const [x, time] = [xt + epsilon * (s - t) * v, t + epsilon * (s - t)];
    const target = epsilon * v + (1 - epsilon) * toyAverageVelocity(params, sample, x, time, s);
    return toyGradient(sample, params, (2 / epsilon) * (toyF(sample, params) - target));
  },
});

describeObjective('discreteLmd', () => discreteLmd({ epsilon }), {
  runtime,
  usesTimeDerivative: true,
  gradient(sample, params) {
    const { xt, t, s, velocityAt } = sample;
    const early = s + epsilon * (t - s);
    const F = toyAverageVelocity(params, sample, xt, t, early);
    const target = epsilon * velocityAt(xt + (early - t) * F, early) + (1 - epsilon) * F;
    return toyGradient(sample, params, (2 / epsilon) * (toyF(sample, params) - target));
  },
});

// A student, and the limits of grad L_eps / (2 eps) for w(t, s) = 1 on f, worked out independently.
const [x, t, s, std] = [0.9, 0.8, 0.3, 0.5];
const [a, b, d] = [0.4, 0.3, -0.2];
const limits = { EMD: [-0.083522, -0.02265, -0.008494], LMD: [0.014955, 0.004056, 0.001521] };

/** The gradient of an objective's loss by a, b and d; the loss is L_eps / eps. */
async function gradient(objective: Objective): Promise<number[]> {
  const [start, end] = [hostTensor([1], Float64Array.of(t)), hostTensor([1], Float64Array.of(s))];
  const got = await evaluate(
    runtime,
    (a, b, d, e, x, t, s) => {
      const student = toyStudent({ a, b, d, e }, { t, s });
      const velocity = (at: Tensor, time: Tensor): Tensor => gaussianVelocity({ std }).velocity({}, { x: at, t: time });
      const batch = { x0: x, noise: x, xt: x, t, s, draws: {}, own: {}, schedules: {} };
      return gradients(objective.loss({ ...batch, student, velocity }).loss, [a, b, d]);
    },
    [...[a, b, d, 0].map((value) => hostTensor([], [value])), hostTensor([1, 1], Float64Array.of(x)), start, end],
  );
  return got.map(({ data }) => data[0]!);
}

test.each<[string, Objective, readonly number[], number]>([
  ['EMD', discreteEmd({ epsilon: 1e-4, weight: lengthWeight() }), limits.EMD, 1e-5],
  ["LMD with Heun's method", discreteLmd({ epsilon: 1e-4, solver: 'heun', weight: lengthWeight() }), limits.LMD, 5e-5],
])("the discrete loss of %s has the theorem's gradient at eps = 1e-4", async (_, objective, limit, bound) => {
  (await gradient(objective)).forEach((value, k) => expect(Math.abs(value / 2 - limit[k]!)).toBeLessThan(bound));
});

// grad L_eps / (2 eps) = (t - s) grad f (v - df/ds) + eps (t - s)^2 grad f (dv/ds - d2f/ds2 / 2) + O(eps^2), which is 5.19e-5
// of the limit for a at eps = 1e-4: the theorem's own error, as one Euler step of the teacher has it.
test("the discrete loss of LMD has the theorem's gradient, and its error of first order", async () => {
  const mean = (s: number): number => a * x * (1 + b * t + d * s);
  const f = (s: number): number => x + (s - t) * mean(s);
  const velocity = (x: number, t: number): number => ((t - (1 - t) * std ** 2) / (((1 - t) * std) ** 2 + t ** 2)) * x;
  const change = (velocity(f(s + 1e-5), s + 1e-5) - velocity(f(s - 1e-5), s - 1e-5)) / 2e-5;
  const bend = 2 * a * x * d;
  const slopes = [x * (1 + b * t + d * s), a * x * t, a * x * s].map((slope) => (s - t) * slope);
  const at = async (epsilon: number): Promise<number[]> =>
    (await gradient(discreteLmd({ epsilon, weight: lengthWeight() }))).map((value) => value / 2);
  const [coarse, fine] = [await at(1e-4), await at(5e-5)];
  slopes.forEach((slope, k) => {
    const first = (t - s) ** 2 * slope * (change - bend / 2);
    expect(1e-4 * first).toBeCloseTo([-5.19e-5, -1.41e-5, -0.53e-5][k]!, 7);
    expect((coarse[k]! - fine[k]!) / 5e-5).toBeCloseTo(first, 4);
    // Without the first order, what is left is 0.3 eps^2 at most, and the rounding of the limits.
    expect(Math.abs(coarse[k]! - 1e-4 * first - limits.LMD[k]!)).toBeLessThan(6e-7);
  });
});

test("Heun's method takes half of the change along the teacher's own trajectory from that error", async () => {
  const mean = a * x * (1 + b * t + d * s);
  const f = x + (s - t) * mean;
  const velocity = (x: number, t: number): number => ((t - (1 - t) * std ** 2) / (((1 - t) * std) ** 2 + t ** 2)) * x;
  const [speed, slope] = [mean + (s - t) * a * x * d, velocity(1, s)]; // df/ds and dv/dx
  const drift = (velocity(f, s + 1e-5) - velocity(f, s - 1e-5)) / 2e-5;
  const [change, own] = [drift + slope * speed, drift + slope * velocity(f, s)];
  const got = await gradient(discreteLmd({ epsilon: 1e-4, solver: 'heun', weight: lengthWeight() }));
  const slopes = [x * (1 + b * t + d * s), a * x * t, a * x * s].map((value) => (s - t) * value);
  slopes.forEach((gradientOfMap, k) => {
    const error = 1e-4 * (t - s) ** 2 * gradientOfMap * (change - a * x * d - own / 2);
    // The limits have six decimals.
    expect(Math.abs(got[k]! / 2 - limits.LMD[k]! - error)).toBeLessThan(6e-7);
  });
});

test('settings out of their range are refused', () => {
  expect(() => discreteEmd({ epsilon: 0 })).toThrow(expect.objectContaining({ option: 'discreteEmd.epsilon' }));
  expect(() => discreteLmd({ epsilon: 1.5 })).toThrow(expect.objectContaining({ option: 'discreteLmd.epsilon' }));
  expect(() => discreteLmd({ solver: 'midpoint' as 'heun' })).toThrow(
    expect.objectContaining({ option: 'discreteLmd.solver' }),
  );
  expect(() => discreteLmd({ diagonalShare: 1 })).toThrow(
    expect.objectContaining({ option: 'discreteLmd.diagonalShare' }),
  );
});

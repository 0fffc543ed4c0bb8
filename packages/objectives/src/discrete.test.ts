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

// Limits of grad L_eps / (2 eps) for w(t, s) = 1 on f, worked out independently.
test.each<[string, Objective, readonly number[]]>([
  ['EMD', discreteEmd({ epsilon: 1e-4, weight: lengthWeight() }), [-0.083522, -0.02265, -0.008494]],
  ['LMD', discreteLmd({ epsilon: 1e-4, weight: lengthWeight() }), [0.014955, 0.004056, 0.001521]],
])("the discrete loss of %s has the theorem's gradient at eps = 1e-4", async (_, objective, limit) => {
  const [t, s] = [hostTensor([1], Float64Array.of(0.8)), hostTensor([1], Float64Array.of(0.3))];
  const got = await evaluate(
    runtime,
    (a, b, d, e, x, start, end) => {
      const student = toyStudent({ a, b, d, e }, { t: start, s: end });
      const velocity = (at: Tensor, time: Tensor): Tensor =>
        gaussianVelocity({ std: 0.5 }).velocity({}, { x: at, t: time });
      const batch = { x0: x, noise: x, xt: x, t: start, s: end, draws: {}, own: {}, schedules: {} };
      return gradients(objective.loss({ ...batch, student, velocity }).loss, [a, b, d]);
    },
    [...[0.4, 0.3, -0.2, 0].map((value) => hostTensor([], [value])), hostTensor([1, 1], Float64Array.of(0.9)), t, s],
  );
  // The loss here is L_eps / eps. The error is 1e-5 for EMD and 5.15e-5 for LMD, and proportional to eps.
  limit.forEach((value, k) => expect(Math.abs(got[k]!.data[0]! / 2 - value)).toBeLessThan(5.2e-5));
});

test('settings out of their range are refused', () => {
  expect(() => discreteEmd({ epsilon: 0 })).toThrow(expect.objectContaining({ option: 'discreteEmd.epsilon' }));
  expect(() => discreteLmd({ epsilon: 1.5 })).toThrow(expect.objectContaining({ option: 'discreteLmd.epsilon' }));
  expect(() => discreteLmd({ diagonalShare: 1 })).toThrow(
    expect.objectContaining({ option: 'discreteLmd.diagonalShare' }),
  );
});

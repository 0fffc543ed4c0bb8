import { gaussianFlowMap, gaussianVelocity, interpolate } from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { gradients, hostTensor, type Tensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { describe, expect, test } from 'vitest';
import { ayfLmd } from './ayf-lmd.js';
import { flowMatching } from './flow-matching.js';
import { logitNormalLengths } from './intervals.js';
import { describeObjective, evaluateToy, toyStudent, type ToyParameters } from './testing/index.js';

const runtime = referenceRuntime();

for (const c of [0.1, Infinity]) {
  describeObjective(`ayfLmd with c = ${c}`, () => ayfLmd({ c }), {
    runtime,
    usesTimeDerivative: true,
    // 2 g / (||g|| + c) dF/dtheta with g = F + (s - t) dF/ds - v(f, s), all written out for F = a x (1 + b t + d s)
    gradient({ xt, t, s, velocityAt }, { a, b, d }) {
      const factor = 1 + b * t + d * s;
      const end = xt + (s - t) * a * factor * xt;
      const g = a * factor * xt + (s - t) * a * d * xt - velocityAt(end, s);
      const pull = c === Infinity ? 2 * g : (2 * g) / (Math.abs(g) + c);
      return [pull * factor * xt, pull * a * t * xt, pull * a * s * xt];
    },
  });
}

describe('ayfLmd', () => {
  const params: ToyParameters = { a: 0.4, b: 0.3, d: -0.2, e: 0 };
  const plain = ayfLmd({ c: Infinity });
  const std = 0.5;
  const velocity = (x: Tensor, t: Tensor): Tensor => gaussianVelocity({ std }).velocity({}, { x, t });

  test('has the gradient that the discrete loss tends to', async () => {
    const [xt, t, s] = [0.9, 0.8, 0.3];
    const feeds = [params.a, params.b, params.d, params.e].map((value) => hostTensor([], [value]));
    const point = hostTensor([1, 1], Float64Array.of(xt));
    const times = [hostTensor([1], Float64Array.of(t)), hostTensor([1], Float64Array.of(s))];
    const got = await evaluate(
      runtime,
      (a, b, d, e, x, start, end) => {
        const student = toyStudent({ a, b, d, e }, { t: start, s: end });
        const batch = { x0: x, noise: x, xt: x, t: start, s: end, draws: {}, own: {}, schedules: {} };
        return gradients(plain.loss({ ...batch, student, velocity }).loss, [a, b, d]);
      },
      [...feeds, point, ...times],
    );
    // Limit of grad L_eps / (2 eps) for w = 1, worked out independently; the loss on F has the weight 2 / (t - s)^2
    // relative to it.
    const limit = got.map(({ data }) => (data[0]! * (t - s) ** 2) / 2);
    [0.014955, 0.004056, 0.001521].forEach((value, k) => expect(limit[k]).toBeCloseTo(value, 6));
  });

  test('at s = t it is flow matching', async () => {
    const samples = [0.2, 0.9].map((time) => ({ x0: 0.4, noise: -1.2, t: time, s: time, velocity: -0.7 }));
    const distilled = await evaluateToy(runtime, plain, params, samples, {});
    const matched = await evaluateToy(runtime, flowMatching(), params, samples, {});
    expect(distilled).toMatchObject({ loss: matched.loss, gradient: matched.gradient });
  });

  test('vanishes at the exact flow map of Gaussian data', async () => {
    const points = hostTensor([4, 1], Float64Array.of(-1.3, 0.37, 0.9, 2));
    const [t, s] = [Float64Array.of(0.95, 0.8, 0.45, 0.7), Float64Array.of(0, 0.3, 0.44, 0.1)];
    const [tangentNorm] = await evaluate(
      runtime,
      (x0, noise, start, end) => {
        const xt = interpolate(x0, noise, start);
        const batch = { x0, noise, xt, t: start, s: end, draws: {}, own: {}, schedules: {} };
        const { metrics } = plain.loss({ ...batch, student: gaussianFlowMap({ std }), velocity });
        return [metrics['tangentNorm']!];
      },
      [points, hostTensor([4, 1], Float64Array.of(0.3, -1.1, 0.6, -0.2)), hostTensor([4], t), hostTensor([4], s)],
    );
    // Zero up to a few rounding errors of numbers around 1.
    expect(tangentNorm!.data[0]).toBeLessThan(1e-14);
  });

  test('says what it needs and records its settings', () => {
    expect(ayfLmd().needs.teacher).toBe(true);
    expect(ayfLmd({ c: Infinity, intervalLengths: logitNormalLengths() }).config).toEqual({
      c: 'Infinity',
      intervalLengths: 'logit-normal',
      'intervalLengths.mean': -0.8,
      'intervalLengths.std': 1,
      diagonalShare: 0.25,
    });
  });

  test('refuses settings out of their range', () => {
    expect(() => ayfLmd({ c: 0 })).toThrow(expect.objectContaining({ option: 'ayfLmd.c' }));
    expect(() => ayfLmd({ diagonalShare: 1 })).toThrow(expect.objectContaining({ option: 'ayfLmd.diagonalShare' }));
  });
});

import { gaussianFlowMap, interpolate } from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { expect, test } from 'vitest';
import { describeObjective } from './testing/index.js';
import { terminalVelocity } from './terminal-velocity.js';

const runtime = referenceRuntime();

describeObjective('terminalVelocity', terminalVelocity, {
  runtime,
  usesTimeDerivative: true,
  gradientThroughDerivative: true,
  // F = a x (1 + b t + d s) + e x (t - s) (…), D = F + (s - t) dF/ds, U = F(f, s, s) stopped, G = F(x_s, s, s)
  gradient({ x0, noise, xt, t, s }, { a, b, d }) {
    const [factor, diagonal] = [1 + b * t + d * s, 1 + (b + d) * s];
    const D = a * (factor + (s - t) * d) * xt;
    const U = a * diagonal * (xt + (s - t) * a * factor * xt);
    const pull = 2 * (D - U);
    const xs = x0 + s * (noise - x0);
    const match = 2 * (a * diagonal * xs - (noise - x0));
    return [
      pull * (factor + (s - t) * d) * xt + match * diagonal * xs,
      pull * a * t * xt + match * a * s * xs,
      pull * (a * s + (s - t) * a) * xt + match * a * s * xs,
      pull * -((t - s) ** 2) * xt,
    ];
  },
});

test('the terminal velocity of the exact flow map of Gaussian data is its velocity there', async () => {
  const [x0, noise] = [
    hostTensor([3, 1], Float64Array.of(-1.3, 0.37, 2)),
    hostTensor([3, 1], Float64Array.of(1, 0.2, -2)),
  ];
  const [t, s] = [hostTensor([3], Float64Array.of(0.95, 0.8, 0.45)), hostTensor([3], Float64Array.of(0.1, 0.3, 0.44))];
  const error = await evaluate(
    runtime,
    (x, z, start, end) => {
      const xt = interpolate(x, z, start);
      const batch = { x0: x, noise: z, xt, t: start, s: end, draws: {}, schedules: {}, own: {}, velocity: () => xt };
      return terminalVelocity().loss({ ...batch, student: gaussianFlowMap({ std: 0.5 }) }).metrics['terminalError']!;
    },
    [x0, noise, t, s],
  );
  // Zero up to a few rounding errors of numbers around 1.
  expect(error.data[0]).toBeLessThan(1e-14);
});

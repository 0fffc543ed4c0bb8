import {
  conditionalVelocity,
  consistency,
  defineNetwork,
  perSample,
  type Model,
  type NetworkConfig,
} from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, normalBatch, type Tensor } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import {
  endpointRmse,
  EVALUATION_COUNT,
  evaluationLabels,
  sampleEndpoints,
  sampleFixedNoises,
  STEP_COUNTS,
} from './evaluate.js';

/** Data `N(MEAN, STD^2)` in each coordinate, for which the ODE has a closed-form solution. */
const MEAN = 1.5;
const STD = 0.5;

const mean = (t: Tensor): Tensor => t.mul(-1).add(1).mul(MEAN);
const variance = (t: Tensor): Tensor => {
  const share = t.mul(-1).add(1).square();
  return share.mul(STD ** 2).add(t.square());
};

/** `v(x, t) = E[z - x_0 | x_t = x]`. */
const teacher = gaussian(false, (x, t) => {
  const centred = x.sub(mean(t));
  const noise = centred.mul(t).div(variance(t)); // E[z | x_t]
  const scaled = centred.mul(t.mul(-1).add(1)).mul(STD ** 2);
  const data = scaled.div(variance(t)).add(MEAN); // E[x_0 | x_t]
  return conditionalVelocity(data, noise);
});

/** `F` of the exact map `f(x, t, s) = m_s + (x - m_t) std_s / std_t`. */
const student = gaussian(true, (x, t, s) => {
  const ratio = variance(s).div(variance(t)).sqrt();
  const end = mean(s).add(x.sub(mean(t)).mul(ratio));
  return end.sub(x).div(s.sub(t));
});

function gaussian(interval: boolean, field: (x: Tensor, t: Tensor, s: Tensor) => Tensor): Model {
  const config: NetworkConfig = { type: 'gaussian', shape: [2], interval };
  const network = defineNetwork(config, {}, (_, { x, t, s = t }) => field(x, perSample(t, x), perSample(s, x)));
  return { kind: interval ? 'flowMap' : 'velocity', network, params: {}, classes: [] };
}

describe('a Gaussian, whose flow map is known', () => {
  const endpoints = sampleEndpoints(teacher, student, { runtime: referenceRuntime(), batchSize: 100 });

  test('the exact flow map has no error but that of the reference', async () => {
    const { student: samples, reference } = await endpoints;
    for (const steps of STEP_COUNTS) {
      // Heun's error in 64 steps is of order h^2 = 2.4e-4 times a curvature of about 1.
      expect(endpointRmse(samples[steps], reference)).toBeLessThan(2e-3);
      // Composing the map with itself gives the map over the whole interval, up to rounding of the results to float32.
      expect(endpointRmse(samples[steps], samples[1])).toBeLessThan(1e-6);
    }
  });

  test("the teacher's single Euler step goes to the mean", async () => {
    const { teacher: samples, reference } = await endpoints;
    const noise = normalBatch({ seed: 0, purpose: 'evaluation' }, [EVALUATION_COUNT, 2]);
    const rms = Math.hypot(...noise) / Math.sqrt(noise.length);
    expect(samples[1].data.every((value) => Math.abs(value - MEAN) < 1e-6)).toBe(true);
    // Exact endpoints are m + std z, so the error is std times the noise's root mean square; the reference is off by
    // < 2e-3.
    expect(Math.abs(endpointRmse(samples[1], reference) - STD * rms)).toBeLessThan(2e-3);
  });

  test("Euler's error falls with the number of steps", async () => {
    const { teacher: samples, reference } = await endpoints;
    const errors = STEP_COUNTS.map((steps) => endpointRmse(samples[steps], reference));
    expect(errors).toEqual(errors.toSorted((a, b) => b - a));
  });
});

test('endpointRmse of known differences', () => {
  const samples = hostTensor([2, 2], [1, 2, 3, 4]);
  expect(endpointRmse(samples, samples)).toBe(0);
  expect(endpointRmse(samples, hostTensor([2, 2], [1, 2, 3, 0]))).toBe(2);
});

test('labels go round through the classes', () => {
  expect([...evaluationLabels(5, 3)]).toEqual([0, 1, 2, 0, 1]);
  expect([...evaluationLabels(3, 0)]).toEqual([0, 0, 0]);
});

test('an aborted evaluation rejects with the reason', async () => {
  const signal = AbortSignal.abort(new Error('stopped'));
  await expect(sampleEndpoints(teacher, student, { runtime: referenceRuntime(), signal })).rejects.toThrow('stopped');
});

test('a sampler that draws noise draws the same however the samples are divided', async () => {
  const sampled = (batchSize: number): ReturnType<typeof sampleFixedNoises> =>
    sampleFixedNoises(student, consistency(), [2], { runtime: referenceRuntime(), count: 6, batchSize });
  expect(await sampled(4)).toEqual(await sampled(6));
});

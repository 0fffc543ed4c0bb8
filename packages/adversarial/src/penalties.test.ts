import { referenceRuntime } from '@flowmap/runtime-reference';
import {
  gradients,
  hostTensor,
  normals,
  sizeOf,
  type HostTensor,
  type HostTensors,
  type Tensor,
} from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { expect, test } from 'vitest';
import { filled } from './__fixtures__/toy.js';
import type { Discriminator } from './discriminator.js';
import { mlpDiscriminator } from './mlp-discriminator.js';
import { squaredDifference, squaredGradientNorm } from './penalties.js';
import { projectedDiscriminator } from './projected-discriminator.js';
import { residualDiscriminator } from './residual-discriminator.js';

const runtime = referenceRuntime();
const drawn = (purpose: string, shape: number[]): HostTensor =>
  hostTensor(shape, Float64Array.from(normals({ seed: 0, purpose }, sizeOf(shape))));

test('of a linear discriminator R1 is the square of its weights, and so is the mean of differences', async () => {
  const weights = hostTensor([3, 1], Float64Array.of(2, -1, 0.5));
  const [x, noise] = [drawn('x', [2000, 3]), drawn('noise', [2000, 3])];
  const results = await evaluate(
    runtime,
    (...args) => {
      const [x, w, noise] = args as [Tensor, Tensor, Tensor];
      const logitsAt = (x: Tensor): Tensor => x.matmul(w).reshape([2000]);
      const logits = logitsAt(x);
      return {
        exact: squaredGradientNorm(logits, x),
        differences: squaredDifference(logitsAt, { logits, x, noise, step: 0.01 }).mean(),
        gradient: gradients(squaredGradientNorm(logits, x).mean(), [w])[0]!,
      };
    },
    [x, weights, noise],
  );
  for (const value of results.exact.data) expect(value).toBeCloseTo(5.25, 12);
  [4, -2, 1].forEach((value, i) => expect(results.gradient.data[i]).toBeCloseTo(value, 10));
  // The square of a normal number has the relative deviation sqrt(2): 3 % in the mean of 2000.
  expect(Math.abs(results.differences.data[0]! / 5.25 - 1)).toBeLessThan(0.1);
});

const discriminators: Discriminator[] = [
  mlpDiscriminator({ shape: [3], width: 5, depth: 2 }),
  residualDiscriminator({ shape: [1, 2, 2], channels: [2, 2] }),
  projectedDiscriminator({
    width: 3,
    features: {
      name: 'sines',
      shape: [2],
      params: { weight: hostTensor([2, 4], normals({ seed: 5, purpose: 'frozen' }, 8)) },
      apply: ({ weight }, x) => [x.matmul(weight!).sin()],
    },
  }),
];

test.each(discriminators)('R1 of $name and its gradient agree with central differences', async (discriminator) => {
  const params = filled(discriminator.parameters, 4);
  const names = Object.keys(params);
  const x = drawn('samples', [2, ...discriminator.shape]);
  const doubled = (values: HostTensors): HostTensor[] =>
    names.map((name) => hostTensor(values[name]!.shape, Float64Array.from(values[name]!.data)));
  const of =
    (f: (logits: Tensor, x: Tensor, params: Tensor[]) => Record<string, Tensor>) =>
    (...args: Tensor[]) => {
      const [x, ...values] = args as [Tensor, ...Tensor[]];
      const symbols = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
      return f(discriminator.apply(symbols, { x }).logits, x, values);
    };
  const sum = of((logits) => ({ sum: logits.sum() }));
  const r1 = of((logits, x) => ({ r1: squaredGradientNorm(logits, x).sum() }));
  const moved = (tensor: HostTensor, i: number, by: number): HostTensor =>
    hostTensor(
      tensor.shape,
      Float64Array.from(tensor.data, (value, j) => (j === i ? value + by : value)),
    );
  const h = 1e-5;

  let squares = 0;
  for (let i = 0; i < x.data.length; i++) {
    const at = async (by: number): Promise<number> =>
      (await evaluate(runtime, sum, [moved(x, i, by), ...doubled(params)]))['sum']!.data[0]!;
    squares += (((await at(h)) - (await at(-h))) / (2 * h)) ** 2;
  }
  const exact = await evaluate(
    runtime,
    of((logits, x, values) => {
      const r1 = squaredGradientNorm(logits, x).sum();
      return { r1, ...Object.fromEntries(gradients(r1, values).map((g, i) => [names[i]!, g])) };
    }),
    [x, ...doubled(params)],
  );
  expect(exact['r1']!.data[0]! / squares - 1).toBeCloseTo(0, 5);

  for (const [k, name] of names.entries()) {
    const at = async (by: number): Promise<number> => {
      const values = doubled(params);
      values[k] = moved(values[k]!, 0, by);
      return (await evaluate(runtime, r1, [x, ...values]))['r1']!.data[0]!;
    };
    const difference = ((await at(h)) - (await at(-h))) / (2 * h);
    const scale = Math.max(1, Math.abs(difference));
    expect(Math.abs(exact[name]!.data[0]! - difference) / scale, name).toBeLessThan(1e-6);
  }
});

import { referenceRuntime } from '@flowmap/runtime-reference';
import {
  gradients,
  hostTensor,
  normals,
  program,
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
  // The square of a normal number has a relative standard deviation of sqrt(2): 3 % in the mean of
  // 2000.
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
  const shape = [2, ...discriminator.shape];
  const specs = Object.fromEntries(names.map((name) => [name, params[name]!.shape]));
  const compiled = await runtime.compile(
    program<string, string>('R1', { inputs: { ...specs, x: shape } }, ({ x, ...symbols }) => {
      const { logits } = discriminator.apply(symbols, { x: x! });
      const r1 = squaredGradientNorm(logits, x!).sum();
      const gradient = Object.entries(gradients(r1, symbols)).map(([name, g]) => [`gradient.${name}`, g] as const);
      return { outputs: { sum: logits.sum(), r1, ...Object.fromEntries(gradient) } };
    }),
  );
  const doubles = ({ shape, data }: HostTensor): HostTensor => hostTensor(shape, Float64Array.from(data));
  const point: HostTensors = {
    ...Object.fromEntries(names.map((name) => [name, doubles(params[name]!)])),
    x: drawn('samples', shape),
  };
  const at = async (quantity: string, name: string, i: number, by: number): Promise<number> => {
    const { shape, data } = point[name]!;
    const moved = hostTensor(
      shape,
      Float64Array.from(data, (value, j) => (j === i ? value + by : value)),
    );
    const outputs = await compiled.run({ ...point, [name]: moved });
    return (await outputs[quantity]!.read()).data[0]!;
  };
  const difference = async (quantity: string, name: string, i: number, h = 1e-5): Promise<number> =>
    ((await at(quantity, name, i, h)) - (await at(quantity, name, i, -h))) / (2 * h);

  let squares = 0;
  for (let i = 0; i < sizeOf(shape); i++) squares += (await difference('sum', 'x', i)) ** 2;
  // Central differences are off by h² and by rounding errors of 1e-16 / h.
  expect((await at('r1', 'x', 0, 0)) / squares - 1).toBeCloseTo(0, 5);
  for (const name of names) {
    const [exact, estimate] = [await at(`gradient.${name}`, name, 0, 0), await difference('r1', name, 0)];
    expect(Math.abs(exact - estimate) / Math.max(1, Math.abs(estimate)), name).toBeLessThan(1e-6);
  }
  await compiled.dispose();
});

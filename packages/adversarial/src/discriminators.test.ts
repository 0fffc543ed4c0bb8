import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, input, ShapeError, sizeOf, type HostTensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { expect, test } from 'vitest';
import { filled } from './__fixtures__/toy.js';
import type { Discriminator } from './discriminator.js';
import { withMinibatchDeviation } from './internal/minibatch-deviation.js';
import { mlpDiscriminator } from './mlp-discriminator.js';
import { projectedDiscriminator } from './projected-discriminator.js';
import { residualDiscriminator, smallDiscriminator } from './residual-discriminator.js';

const sizeOfAll = ({ parameters }: Discriminator): number =>
  Object.values(parameters).reduce((sum, { shape }) => sum + sizeOf(shape), 0);

async function logitsOf(discriminator: Discriminator, x: HostTensor, label?: number[]): Promise<number[]> {
  const params = filled(discriminator.parameters, 2);
  const names = Object.keys(params);
  const { data } = await evaluate(
    referenceRuntime(),
    (x, label, ...values) =>
      discriminator.apply(Object.fromEntries(names.map((name, i) => [name, values[i]!])), {
        x: x,
        conditions: { label: label },
      }).logits,
    [x, hostTensor([x.shape[0]!], label ?? [0, 0], 'int32'), ...names.map((name) => params[name]!)],
  );
  return [...data];
}

test('the deviation of a group of samples becomes a channel', async () => {
  // 6 samples form two groups of 3: 0, 2, 4 and 1, 3, 5.
  const x = hostTensor([6, 1, 1, 1], Float64Array.of(0, 5, 3, 5, 6, 5));
  const { data, shape } = await evaluate(referenceRuntime(), (x) => withMinibatchDeviation(x), [x]);
  expect(shape).toEqual([6, 2, 1, 1]);
  const deviations = [1, 3, 5, 7, 9, 11].map((i) => data[i]!);
  [Math.sqrt(6), 0, Math.sqrt(6), 0, Math.sqrt(6), 0].forEach((value, i) => {
    expect(deviations[i]).toBeCloseTo(value, 3); // 1e-4 if nothing differs: the root of what is added
  });
});

test.each([
  mlpDiscriminator({ shape: [2], classes: 3, width: 4 }),
  residualDiscriminator({ shape: [1, 4, 4], classes: 3, channels: [2] }),
])('the label decides with the samples in $name', async (discriminator) => {
  const { shape } = discriminator;
  const x = hostTensor(
    [2, ...shape],
    Float64Array.from({ length: 2 * sizeOf(shape) }, (_, i) => Math.sin(i + 1)),
  );
  const [a, b] = [await logitsOf(discriminator, x, [0, 1]), await logitsOf(discriminator, x, [0, 2])];
  expect(a[0]).toBe(b[0]);
  expect(Math.abs(a[1]! - b[1]!)).toBeGreaterThan(1e-3);
});

test('the small one has 0.9 million parameters', () => {
  expect(sizeOfAll(smallDiscriminator({ shape: [3, 32, 32] }))).toBe(871_585);
  expect(residualDiscriminator({ shape: [3, 64, 64] }).config['channels']).toEqual([64, 128, 256, 512, 512]);
});

test('a frozen network keeps its parameters, which are fixed', () => {
  const weight = hostTensor([2, 3], [1, 2, 3, 4, 5, 6]);
  const features = {
    name: 'linear',
    shape: [2],
    params: { weight },
    apply: ({ weight }: Record<string, ReturnType<typeof input>>, x: ReturnType<typeof input>) => [x.matmul(weight!)],
  };
  const discriminator = projectedDiscriminator({ features, width: 4 });
  expect(discriminator.parameters['frozen.weight']).toEqual({ shape: [2, 3], dtype: 'float32', fixed: true });
  expect(discriminator.init(0)['frozen.weight']).toBe(weight);
  expect(Object.keys(discriminator.init(0)).sort()).toEqual(Object.keys(discriminator.parameters).sort());
  expect(Object.keys(discriminator.init(0, ['head0.first.weight']))).toEqual(['head0.first.weight']);
  expect(() => projectedDiscriminator({ features: { ...features, apply: () => [] } })).toThrow("'linear' gives none");
  expect(() => projectedDiscriminator({ features: { ...features, apply: (_, x) => [x.reshape([2])] } })).toThrow('[2]');
});

test('what does not fit is refused', () => {
  expect(() => residualDiscriminator({ shape: [3, 20, 24], channels: [8, 8, 8, 8] })).toThrow('sides that 8 divides');
  expect(() => residualDiscriminator({ shape: [2] })).toThrow('[channels, height, width]');
  expect(() => residualDiscriminator({ shape: [3, 4, 4], channels: [] })).toThrow('at least one');
  expect(() => mlpDiscriminator({ shape: [3, 4, 4] })).toThrow('wanted [n]');
  expect(() => mlpDiscriminator({ shape: [3], classes: -1 })).toThrow('classes');
  const conditional = mlpDiscriminator({ shape: [3], classes: 2 });
  expect(() => conditional.apply({}, { x: input('x', [4, 2]) })).toThrow(ShapeError);
  expect(() => conditional.apply({}, { x: input('x', [4, 3]) })).toThrow('conditions.label');
});

import { concat, constant, hostTensor, normals, sizeOf, type HostTensor, type Tensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../errors.js';
import type { Network } from '../plugins.js';
import { describeNetwork, type NetworkVariant } from '../testing/index.js';
import { conditioning, type ConditioningConfig } from './conditioning.js';
import { dit } from './dit.js';
import { dropout } from './dropout.js';
import type { ExactDiagonalConfig } from './exact-diagonal.js';
import { collect, dense, type InitialSpecs } from './layers.js';
import { mlp } from './mlp.js';
import { defineNetwork } from './network.js';
import { networkFromConfig, registerNetwork } from './registry.js';
import { unet } from './unet.js';

const contract = { oracle: referenceRuntime };
const both = { ...contract, conditions: true, dropout: true };
describeNetwork('mlp', (variant) => mlp({ shape: [2], width: 8, depth: 2, ...variant }), both);
describeNetwork('dit', (variant) => dit({ shape: [2, 4, 6], patch: 2, width: 8, depth: 2, heads: 2, ...variant }), {
  ...contract,
  conditions: true,
});
const small = { shape: [2, 4, 4], channels: [4, 8], groupSize: 2, conditionWidth: 8 };
describeNetwork('unet', (variant) => unet({ ...small, heads: 2, ...variant }), both);
describeNetwork(
  'unet of two blocks without attention',
  (variant) => unet({ ...small, heads: 0, blocks: 2, ...variant }),
  both,
);

// A velocity field has no target time for some of its blocks to get.
const late = ({ interval }: NetworkVariant) => (interval ? { intervalBlocks: 1 } : {});
describeNetwork(
  'mlp whose last block is told the target time',
  (variant) => mlp({ shape: [2], width: 8, depth: 2, ...late(variant), ...variant }),
  both,
);
describeNetwork(
  'dit whose last block is told the target time',
  (variant) => dit({ shape: [2, 4, 6], patch: 2, width: 8, depth: 2, heads: 2, ...late(variant), ...variant }),
  { ...contract, conditions: true },
);
describeNetwork(
  'unet whose last block is told the target time',
  (variant) => unet({ ...small, heads: 2, ...late(variant), ...variant }),
  both,
);
describeNetwork(
  'exact at s = t',
  (variant) => {
    const part = { shape: [2], width: 8, depth: 1 };
    if (!variant.interval) return mlp({ ...part, ...variant });
    const { classes } = variant;
    return networkFromConfig({
      type: 'exact-diagonal',
      shape: [2],
      interval: true,
      velocity: mlp({ ...part, classes }).config,
      gap: mlp({ ...part, ...variant }).config,
    } as ExactDiagonalConfig);
  },
  both,
);

test('skips of a U-net carry the full resolution past the lower ones', async () => {
  const network = unet({ ...small, heads: 0 });
  const random = Object.entries(network.parameters).map(([name, { shape }]) => {
    const values = normals({ seed: 0, purpose: name }, sizeOf(shape));
    return [name, hostTensor(shape, name.startsWith('widen') ? values.fill(0) : values)] as const;
  });
  const outputOf = (x: HostTensor): Promise<HostTensor> =>
    evaluate(
      referenceRuntime(),
      (x) => {
        const params = random.map(([name, { shape, data }]) => [name, constant(data, shape)] as const);
        return network.apply(Object.fromEntries(params), { x, t: constant([0.5]) });
      },
      [x],
    );
  const shape = [1, ...network.config.shape];
  const [a, b] = [0, 1].map((seed) => hostTensor(shape, normals({ seed, purpose: 'x' }, sizeOf(shape))));
  expect(await outputOf(a!)).not.toEqual(await outputOf(b!));
});

describe('sizes that no network can have', () => {
  const image = { shape: [3, 8, 8] };
  test.each<[string, () => unknown, string]>([
    ['mlp of images', () => mlp(image), 'mlp.shape'],
    ['mlp of width 0', () => mlp({ shape: [2], width: 0 }), 'mlp.width'],
    ['mlp of half a block', () => mlp({ shape: [2], depth: 0.5 }), 'mlp.depth'],
    ['mlp too deep to build', () => mlp({ shape: [2], depth: 1e9 }), 'mlp.depth'],
    ['mlp of minus one class', () => mlp({ shape: [2], classes: -1 }), 'mlp.classes'],
    ['mlp of a condition that is a cube', () => mlp({ shape: [2], conditions: { c: [1, 2, 3] } }), 'mlp.conditions.c'],
    ['mlp of a condition of no extent', () => mlp({ shape: [2], conditions: { c: [0] } }), 'mlp.conditions.c'],
    ['mlp of a second label', () => mlp({ shape: [2], conditions: { label: [] } }), 'mlp.conditions.label'],
    ['mlp of a condition with a dot', () => mlp({ shape: [2], conditions: { 'a.b': [] } }), 'mlp.conditions'],
    ['mlp that drops everything', () => mlp({ shape: [2], dropout: 1 }), 'mlp.dropout'],
    ['unet of a negative dropout', () => unet({ ...image, dropout: -0.1 }), 'unet.dropout'],
    ['mlp of no block told s', () => mlp({ shape: [2], interval: true, intervalBlocks: 0 }), 'mlp.intervalBlocks'],
    ['mlp of more blocks told s', () => mlp({ shape: [2], interval: true, intervalBlocks: 4 }), 'mlp.intervalBlocks'],
    [
      'mlp of half a block told s',
      () => mlp({ shape: [2], interval: true, intervalBlocks: 0.5 }),
      'mlp.intervalBlocks',
    ],
    ['mlp without an s to tell', () => mlp({ shape: [2], intervalBlocks: 1 }), 'mlp.intervalBlocks'],
    ['dit without an s to tell', () => dit({ ...image, intervalBlocks: 1 }), 'dit.intervalBlocks'],
    ['unet of more blocks told s', () => unet({ ...image, interval: true, intervalBlocks: 7 }), 'unet.intervalBlocks'],
    ['dit of points', () => dit({ shape: [2] }), 'dit.shape'],
    ['dit of patches that do not fit', () => dit({ ...image, patch: 3 }), 'dit.patch'],
    ['dit of heads that do not fit', () => dit({ ...image, width: 16, heads: 3 }), 'dit.heads'],
    ['dit of a width that positions do not fit', () => dit({ ...image, width: 6, heads: 2 }), 'dit.width'],
    ['dit too wide', () => dit({ ...image, width: 2 ** 20 }), 'dit.width'],
    ['unet of points', () => unet({ shape: [2] }), 'unet.shape'],
    ['unet of no resolution', () => unet({ ...image, channels: [] }), 'unet.channels'],
    ['unet of sides that cannot be halved', () => unet({ shape: [3, 6, 6] }), 'unet.channels'],
    ['unet of groups that do not fit', () => unet({ ...image, channels: [24], groupSize: 16 }), 'unet.groupSize'],
    ['unet of heads that do not fit', () => unet({ ...image, heads: 5 }), 'unet.heads'],
  ])('%s', (_, make, option) => {
    expect(make).toThrow(expect.objectContaining({ name: 'ConfigError', option }));
  });
});

test('sizes of the default networks are those of their description', () => {
  const count = (network: ReturnType<typeof networkFromConfig>): number =>
    Object.values(network.parameters).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  // The benchmarks' transformer of "about 10 M parameters", and the emoji U-net of about 1 M.
  expect(count(dit({ shape: [3, 32, 32], classes: 10, interval: true })) / 1e6).toBeCloseTo(9.8, 0);
  expect(count(unet({ shape: [3, 24, 24], classes: 10, interval: true })) / 1e6).toBeCloseTo(1.2, 0);
});

test('options at their defaults are left out of the configuration', () => {
  const plain = { type: 'mlp', shape: [2], classes: 0, interval: false, width: 256, depth: 3 };
  expect(mlp({ shape: [2], conditions: {}, dropout: 0 }).config).toEqual(plain);
  expect(Object.keys(mlp({ shape: [2], dropout: 0.5 }).config)).toEqual([...Object.keys(plain), 'dropout']);
  expect(Object.keys(mlp({ shape: [2], conditions: { a: [] } }).parameters)).toEqual(
    expect.arrayContaining([
      'condition.a.0.weight',
      'condition.a.0.bias',
      'condition.a.1.weight',
      'condition.a.1.bias',
    ]),
  );
});

test('dropout drops units, and keeps the mean', async () => {
  const part = dropout('d', 4, 0.25);
  const x = hostTensor([2, 4], [1, 2, 3, 4, 5, 6, 7, 8]);
  const draws = hostTensor([2, 4], [0, 0.25, 0.2, 0.9, 0.5, 0.1, 1 / 3, 0.249]);
  const apply = (x: Tensor, d: Tensor) => [part.apply(x, { d }), part.apply(x, undefined)];
  const [dropped, same] = await evaluate(referenceRuntime(), apply, [x, draws]);
  expect([...dropped!.data]).toEqual([0, 2, 0, 4, 5, 0, 7, 0].map((value) => value * (1 / 0.75)));
  expect([...same!.data]).toEqual([...x.data]);
});

describe('a network with fixed and projected parameters', () => {
  /** Random Fourier features that are not trained, and weights whose columns each update projects back to length 1. */
  const fourier = (config: ConditioningConfig) => {
    const { shape, type } = config;
    const [size, count] = [shape[0]!, 6];
    const condition = conditioning(config, 2 * count);
    const columns = (w: Tensor): Tensor => w.div(w.square().sum([0], true).sqrt());
    const parameters: InitialSpecs = {
      'features.frequencies': { shape: [size, count], std: 3, fixed: true },
      'hidden.weight': { shape: [2 * count, 2 * count], std: 1, project: columns },
    };
    const last = dense('last', 2 * count, size, { zero: true });
    const apply: Network['apply'] = (params, inputs) => {
      const angles = inputs.x.matmul(params['features.frequencies']!);
      const h = concat([angles.cos(), angles.sin()], 1).matmul(columns(params['hidden.weight']!));
      return last.apply(params, h.add(condition.apply(params, inputs)).silu());
    };
    const all = { ...collect([condition, last]), ...parameters };
    return defineNetwork({ ...config, type }, all, apply, { conditions: condition.conditions });
  };
  registerNetwork('fourier', (config) => fourier(config));
  const make = (variant: NetworkVariant) => fourier({ type: 'fourier', shape: [2], ...variant });
  describeNetwork('of random Fourier features', make, { ...contract, conditions: true });

  test('says which they are', () => {
    const { parameters } = make({ classes: 0, interval: false });
    expect(parameters['features.frequencies']).toEqual({ shape: [2, 6], dtype: 'float32', fixed: true });
    expect(Object.keys(parameters['hidden.weight']!)).toEqual(['shape', 'dtype', 'project']);
    expect(Object.keys(parameters['last.weight']!)).toEqual(['shape', 'dtype']);
  });

  test('computes the same function after projection', async () => {
    const network = make({ classes: 0, interval: false });
    const names = Object.keys(network.parameters);
    const params = names.map((name) => {
      const { shape } = network.parameters[name]!;
      return hostTensor(shape, normals({ seed: 0, purpose: name }, sizeOf(shape)));
    });
    const [before, after] = await evaluate(
      referenceRuntime(),
      (x, t, ...values) => {
        const symbols = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
        const project = network.parameters['hidden.weight']!.project!;
        const projected = { ...symbols, 'hidden.weight': project(symbols['hidden.weight']!) };
        return [symbols, projected].map((params) => network.apply(params, { x: x, t: t }));
      },
      [hostTensor([1, 2], [0.3, -1]), hostTensor([1], [0.5]), ...params],
    );
    before!.data.forEach((value, i) => expect(after!.data[i]).toBeCloseTo(value, 12));
  });
});

describe('custom network types', () => {
  test('are registered once', () => {
    const half = (shape: readonly number[]) =>
      defineNetwork({ type: 'half', shape, interval: false }, {}, (_, { x }) => x.mul(0.5));
    const config = half([3]).config;
    expect(() => networkFromConfig(config)).toThrow(/unknown network "half"; known are mlp, dit, unet/);
    registerNetwork('half', ({ shape }) => half(shape));
    expect(networkFromConfig(config).config).toEqual(config);
    expect(() => registerNetwork('half', ({ shape }) => half(shape))).toThrow(ConfigError);
  });
});

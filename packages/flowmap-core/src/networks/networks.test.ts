import { constant, hostTensor, normals, sizeOf, type HostTensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../errors.js';
import { describeNetwork } from '../testing/index.js';
import { dit } from './dit.js';
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

describe('sizes that make no network', () => {
  const image = { shape: [3, 8, 8] };
  test.each<[string, () => unknown, string]>([
    ['mlp of images', () => mlp(image), 'mlp.shape'],
    ['mlp of width 0', () => mlp({ shape: [2], width: 0 }), 'mlp.width'],
    ['mlp of half a block', () => mlp({ shape: [2], depth: 0.5 }), 'mlp.depth'],
    ['mlp too deep to build', () => mlp({ shape: [2], depth: 1e9 }), 'mlp.depth'],
    ['mlp of minus one class', () => mlp({ shape: [2], classes: -1 }), 'mlp.classes'],
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

describe("types of networks of one's own", () => {
  test('become known by registration, once', () => {
    const half = (shape: readonly number[]) =>
      defineNetwork({ type: 'half', shape, interval: false }, {}, (_, { x }) => x.mul(0.5));
    const config = half([3]).config;
    expect(() => networkFromConfig(config)).toThrow(/unknown network "half"; known are mlp, dit, unet/);
    registerNetwork('half', ({ shape }) => half(shape));
    expect(networkFromConfig(config).config).toEqual(config);
    expect(() => registerNetwork('half', ({ shape }) => half(shape))).toThrow(ConfigError);
  });
});

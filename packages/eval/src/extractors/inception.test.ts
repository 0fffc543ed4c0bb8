import { readFileSync } from 'node:fs';
import { CheckpointError, ConfigError, decodeSafetensors } from '@flowmap/core';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { hostTensor, program, type HostTensors, type Shape } from '@flowmap/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { hashedWeights, relativeError, replaced, waves } from '../__fixtures__/hashed-weights.js';
import { inceptionNetwork, inceptionParameters } from '../networks/inception.js';
import { inception, inceptionOutputs } from './inception.js';

/** Outputs for an image by torch-fidelity and one by pytorch-fid: `tools/reference/inception.py`. */
const goldens = decodeSafetensors(
  readFileSync(new URL('../__fixtures__/inception.safetensors', import.meta.url)),
  'goldens',
).tensors;

/** Names and shapes of the published file, from those of the parameters, where normalisations are folded. */
function publishedShapes(): Record<string, Shape> {
  const entries = Object.entries(inceptionNetwork().parameters).flatMap(([name, { shape }]): [string, Shape][] => {
    if (name === 'fc.weight') return [[name, shape]];
    const layer = name.slice(0, name.lastIndexOf('.'));
    if (name.endsWith('.weight')) return [[`${layer}.conv.weight`, shape]];
    return ['weight', 'bias', 'running_mean', 'running_var'].map((part) => [`${layer}.bn.${part}`, shape]);
  });
  return { ...Object.fromEntries(entries), 'fc.bias': [1008] };
}

let weights: HostTensors = {};
beforeAll(() => {
  weights = hashedWeights(publishedShapes());
});

test('features, logits and spatial features are those of torch-fidelity and pytorch-fid', async () => {
  const network = inceptionNetwork();
  const runtime = await onnxRuntime();
  const args = { inputs: { x: [2, 3, 299, 299] }, state: network.parameters };
  const executable = await runtime.compile(
    program('inception', args, ({ x }, params) => ({ outputs: { ...network.apply(params, x) } })),
  );
  await executable.writeState(inceptionParameters(weights, 'weights'));
  const images = waves(2, 299).data as Float32Array;
  const half = images.length / 2;
  const x = images.map((value, i) => (i < half ? (127.5 * value - 0.5) / 128 : value));
  const outputs = await executable.run({ x: hostTensor([2, 3, 299, 299], x) });
  for (const [name, wanted] of Object.entries(goldens)) {
    const got = await outputs[name]!.read();
    expect(got.shape).toEqual(wanted.shape);
    // In float32 through up to 48 layers; the goldens are of float64.
    expect(relativeError(got.data, wanted.data), name).toBeLessThan(1e-5);
  }
  await executable.dispose();
});

test('an extractor prepares images as its tool does, and has several outputs of one run', async () => {
  const options = { runtime: await onnxRuntime(), weights, outputs: ['spatial', 'pool'], batchSize: 1 } as const;
  const extractor = await inceptionOutputs({ ...options, convention: 'pytorch-fid' });
  const images = waves(2, 299);
  const own = { ...images, shape: [1, ...images.shape.slice(1)], data: images.data.subarray(images.data.length / 2) };
  const { spatial, pool } = await extractor.extract(own);
  expect([spatial.shape, pool.shape]).toEqual([
    [1, 2023],
    [1, 2048],
  ]);
  expect(relativeError(spatial.data, goldens.spatial!.data.subarray(2023))).toBeLessThan(1e-5);
  expect(relativeError(pool.data, goldens.pool!.data.subarray(2048))).toBeLessThan(1e-5);
  expect(extractor.sources).toMatchObject({
    spatial: { extractor: 'inception-2015-12-05/spatial', resize: 'bilinear-299' },
    pool: { extractor: 'inception-2015-12-05', resize: 'bilinear-299' },
  });
  images.data[300_000] = NaN;
  await expect(extractor.extract(images)).rejects.toMatchObject({ sample: 1 });
  await extractor.dispose();
});

describe('refused are', () => {
  test.each([
    ['missing tensors', { 'Conv2d_1a_3x3.bn.running_var': undefined }, 'lacks'],
    ['other shapes', { 'Conv2d_1a_3x3.bn.running_var': hostTensor([9], new Float32Array(9)) }, '[32], got'],
    ['NaN', { 'Conv2d_1a_3x3.bn.running_var': hostTensor([32], new Float32Array(32).fill(NaN)) }, 'NaN at 0'],
  ])('%s, by the name of the tensor', (_, change, message) => {
    const refused = (): unknown => inceptionParameters(replaced(weights, change), 'some.pth');
    expect(refused).toThrow(CheckpointError);
    expect(refused).toThrow(`some.pth: `);
    expect(refused).toThrow(`"Conv2d_1a_3x3.bn.running_var"`);
    expect(refused).toThrow(message);
  });

  test('unknown conventions and outputs', async () => {
    const runtime = await onnxRuntime();
    const other = { convention: 'torchvision' as 'clean-fid' };
    await expect(inception({ runtime, weights, ...other })).rejects.toThrow(ConfigError);
    await expect(inception({ runtime, weights, output: 'logits' as 'pool' })).rejects.toThrow(ConfigError);
    await expect(inceptionOutputs({ runtime, weights, outputs: [] })).rejects.toThrow('got none');
    await expect(inceptionOutputs({ runtime, weights, outputs: ['pool', 'pool'] })).rejects.toThrow('got pool, pool');
  });
});

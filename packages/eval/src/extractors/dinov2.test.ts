import { readFileSync } from 'node:fs';
import { CheckpointError, decodeSafetensors } from '@flowmap/core';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { hostTensor, program, type HostTensor, type HostTensors, type Shape } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { hashedWeights, relativeError, replaced, waves } from '../__fixtures__/hashed-weights.js';
import { dinov2Network, dinov2Parameters } from '../networks/dinov2.js';
import { dinov2 } from './dinov2.js';

/** Features by transformers: `tools/reference/dinov2.py`. */
const goldens = decodeSafetensors(
  readFileSync(new URL('../__fixtures__/dinov2.safetensors', import.meta.url)),
  'goldens',
).tensors;

/** Weights by the names of transformers' files, with position embeddings for images of a size. */
function weightsOf(width: number, depth: number, size: number): Record<string, HostTensor> {
  const shapes: Record<string, Shape> = {
    'embeddings.cls_token': [1, 1, width],
    'embeddings.mask_token': [1, width],
    'embeddings.position_embeddings': [1, (size / 14) ** 2 + 1, width],
    'embeddings.patch_embeddings.projection.weight': [width, 3, 14, 14],
    'embeddings.patch_embeddings.projection.bias': [width],
    'layernorm.weight': [width],
    'layernorm.bias': [width],
  };
  for (let i = 0; i < depth; i++) {
    const block = `encoder.layer.${i}`;
    for (const name of ['attention.attention.query', 'attention.attention.key', 'attention.attention.value']) {
      Object.assign(shapes, { [`${block}.${name}.weight`]: [width, width], [`${block}.${name}.bias`]: [width] });
    }
    Object.assign(shapes, {
      [`${block}.attention.output.dense.weight`]: [width, width],
      [`${block}.attention.output.dense.bias`]: [width],
      [`${block}.mlp.fc1.weight`]: [4 * width, width],
      [`${block}.mlp.fc1.bias`]: [4 * width],
      [`${block}.mlp.fc2.weight`]: [width, 4 * width],
      [`${block}.mlp.fc2.bias`]: [width],
    });
    for (const name of ['norm1.weight', 'norm1.bias', 'norm2.weight', 'norm2.bias']) {
      shapes[`${block}.${name}`] = [width];
    }
    for (const name of ['layer_scale1.lambda1', 'layer_scale2.lambda1']) shapes[`${block}.${name}`] = [width];
  }
  return hashedWeights(shapes);
}

/** The same by the hub's names, with one matrix for queries, keys and values. */
function byHubNames(weights: HostTensors, width: number, depth: number): HostTensors {
  const renamed = Object.entries(weights).flatMap(([name, tensor]): [string, HostTensor][] => {
    if (/query|key|value/.test(name)) return [];
    const hub = name
      .replace('embeddings.patch_embeddings.projection', 'patch_embed.proj')
      .replace('embeddings.position_embeddings', 'pos_embed')
      .replace('embeddings.', '')
      .replace('encoder.layer', 'blocks')
      .replace('attention.output.dense', 'attn.proj')
      .replace(/layer_scale(\d).lambda1/, 'ls$1.gamma')
      .replace(/^layernorm/, 'norm');
    return [[hub, tensor]];
  });
  for (let i = 0; i < depth; i++) {
    for (const part of ['weight', 'bias']) {
      const parts = ['query', 'key', 'value'].map((name) => {
        return [...weights[`encoder.layer.${i}.attention.attention.${name}.${part}`]!.data];
      });
      const shape = part === 'bias' ? [3 * width] : [3 * width, width];
      renamed.push([`blocks.${i}.attn.qkv.${part}`, hostTensor(shape, Float32Array.from(parts.flat()))]);
    }
  }
  return Object.fromEntries(renamed);
}

test.each([
  ['hub', 128, 2, 98, 0.1],
  ['transformers', 128, 2, 98, 0],
  ['wide', 1024, 1, 56, 0.1],
])('features are those of transformers: %s', async (golden, width, depth, table, offset) => {
  const { config, params } = dinov2Parameters(weightsOf(width, depth, table), 'weights', { size: 56, offset });
  expect(config).toEqual({ width, depth, heads: width / 64, hidden: 4 * width, patch: 14, size: 56 });
  const network = dinov2Network(config);
  const executable = await (
    await onnxRuntime()
  ).compile(
    program('dinov2', { inputs: { x: [1, 3, 56, 56] }, state: network.parameters }, ({ x }, state) => ({
      outputs: { features: network.apply(state, x) },
    })),
  );
  await executable.writeState(params);
  const { features } = await executable.run({ x: waves(1, 56) });
  const { shape, data } = await features!.read();
  expect(shape).toEqual([1, width]);
  // In float32; the goldens are of float64.
  expect(relativeError(data, goldens[golden]!.data)).toBeLessThan(1e-5);
  await executable.dispose();
});

describe('the extractor', () => {
  const weights = weightsOf(128, 1, 98);

  test('normalises images as ImageNet, and takes the names of either file', async () => {
    const runtime = await onnxRuntime();
    const results = await Promise.all(
      [weights, byHubNames(weights, 128, 1)].map(async (tensors) => {
        const extractor = await dinov2({ runtime, weights: tensors, batchSize: 1 });
        const { data } = await extractor.extract(waves(1, 224));
        await extractor.dispose();
        return { data, source: extractor.source };
      }),
    );
    expect(relativeError(results[0]!.data, goldens.extractor!.data)).toBeLessThan(1e-5);
    expect(results[1]).toEqual(results[0]);
    expect(results[0]!.source).toMatchObject({ extractor: 'dinov2-vit12814', resize: 'pillow-bicubic-224' });
  });

  const last = 'encoder.layer.0.mlp.fc2.bias';
  test.each([
    ['missing tensors', { [last]: undefined }, last],
    ['other shapes', { [last]: hostTensor([9], new Float32Array(9)) }, last],
    ['NaN', { [last]: hostTensor([128], new Float32Array(128).fill(NaN)) }, last],
    ['other widths', { 'layernorm.weight': hostTensor([9], new Float32Array(9)) }, 'layernorm.weight'],
    ['no weights', Object.fromEntries(Object.keys(weights).map((name) => [name, undefined])), 'pos_embed'],
    ['registers', { 'embeddings.register_tokens': hostTensor([1], [0]) }, 'embeddings.register_tokens'],
  ])('refuses %s, by the name of the tensor', async (_, change, tensor) => {
    const refused = await dinov2({ runtime: await onnxRuntime(), weights: replaced(weights, change) }).catch(
      (error: unknown) => error,
    );
    expect(refused).toBeInstanceOf(CheckpointError);
    expect(refused).toMatchObject({ tensor });
  });
});

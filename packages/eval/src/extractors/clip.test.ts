import { readFileSync } from 'node:fs';
import { CheckpointError, decodeSafetensors } from '@flowmap/core';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { hostTensor, program, type HostTensor, type HostTensors, type Shape, type Tensor } from '@flowmap/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import goldenTokens from '../__fixtures__/clip-tokens.json' with { type: 'json' };
import { hashedWeights, relativeError, replaced, waves } from '../__fixtures__/hashed-weights.js';
import { FeatureError, ProtocolError } from '../errors.js';
import { features } from '../features.js';
import { clipScore } from '../metrics/clip-score.js';
import { clipImageNetwork, clipTextNetwork } from '../networks/clip.js';
import { clipParameters } from '../networks/clip-parameters.js';
import { clip, type Clip } from './clip.js';
import { extractFeatures } from './extractor.js';

/** Features by transformers: `tools/reference/clip.py`. */
const goldens = decodeSafetensors(
  readFileSync(new URL('../__fixtures__/clip.safetensors', import.meta.url)),
  'goldens',
).tensors;
const tokens = hostTensor(
  [goldenTokens.cases.length, 77],
  Int32Array.from(goldenTokens.cases.flatMap((golden) => golden.tokens)),
);
const VOCABULARY = tokens.data[76]! + 1;

/** Width, depth, patch and side of the images; width and depth of the texts; features. */
type Sizes = readonly [width: number, depth: number, patch: number, side: number, number, number, number];
const small: Sizes = [128, 2, 32, 224, 64, 2, 32];

/** Weights by the names of transformers' files. */
function weightsOf([width, depth, patch, side, textWidth, textDepth, projected]: Sizes): Record<string, HostTensor> {
  const [image, text] = ['vision_model', 'text_model'];
  const shapes: Record<string, Shape> = {
    logit_scale: [],
    'text_projection.weight': [projected, textWidth],
    'visual_projection.weight': [projected, width],
    [`${text}.embeddings.token_embedding.weight`]: [VOCABULARY, textWidth],
    [`${text}.embeddings.position_embedding.weight`]: [77, textWidth],
    [`${image}.embeddings.class_embedding`]: [width],
    [`${image}.embeddings.patch_embedding.weight`]: [width, 3, patch, patch],
    [`${image}.embeddings.position_embedding.weight`]: [(side / patch) ** 2 + 1, width],
  };
  const pair = (name: string, [outputs = 0, ...inputs]: Shape): void => {
    Object.assign(shapes, { [`${name}.weight`]: [outputs, ...inputs], [`${name}.bias`]: [outputs] });
  };
  for (const name of ['pre_layrnorm', 'post_layernorm']) pair(`${image}.${name}`, [width]);
  pair(`${text}.final_layer_norm`, [textWidth]);
  for (const [model, own, layers] of [
    [image, width, depth],
    [text, textWidth, textDepth],
  ] as const) {
    for (let i = 0; i < layers; i++) {
      const layer = `${model}.encoder.layers.${i}`;
      for (const name of ['q', 'k', 'v', 'out']) pair(`${layer}.self_attn.${name}_proj`, [own, own]);
      for (const name of ['layer_norm1', 'layer_norm2']) pair(`${layer}.${name}`, [own]);
      pair(`${layer}.mlp.fc1`, [4 * own, own]);
      pair(`${layer}.mlp.fc2`, [own, 4 * own]);
    }
  }
  return hashedWeights(shapes);
}

async function run(
  network: { parameters: ReturnType<typeof clipImageNetwork>['parameters']; apply: (p: never, x: Tensor) => Tensor },
  params: HostTensors,
  x: HostTensor,
): Promise<HostTensor> {
  const { shape, dtype } = x;
  const executable = await (
    await onnxRuntime()
  ).compile(
    program('clip', { inputs: { x: { shape, dtype } }, state: network.parameters }, (inputs, state) => ({
      outputs: { features: network.apply(state as never, inputs.x) },
    })),
  );
  await executable.writeState(params);
  const outputs = await executable.run({ x });
  const result = await outputs.features!.read();
  await executable.dispose();
  return result;
}

test('features of a block at full width are those of transformers', async () => {
  const { images, texts } = clipParameters(weightsOf([1024, 1, 14, 56, 768, 1, 96]), 'weights');
  expect(images.config).toEqual({ width: 1024, depth: 1, heads: 16, hidden: 4096, features: 96, patch: 14, size: 56 });
  expect(texts.config).toEqual({
    ...{ width: 768, depth: 1, heads: 12, hidden: 3072, features: 96 },
    ...{ vocabulary: VOCABULARY, length: 77 },
  });
  const first = hostTensor([2, 77], (tokens.data as Int32Array).slice(0, 154));
  // In float32; the goldens are of float64.
  const image = await run(clipImageNetwork(images.config), images.params, waves(1, 56));
  expect(relativeError(image.data, goldens['wide-images']!.data)).toBeLessThan(1e-5);
  const text = await run(clipTextNetwork(texts.config), texts.params, first);
  expect(relativeError(text.data, goldens['wide-texts']!.data)).toBeLessThan(1e-5);
});

describe('the extractors', () => {
  const weights = weightsOf(small);
  let network: Clip;
  beforeAll(async () => {
    network = await clip({ runtime: await onnxRuntime(), weights, batchSize: 3 });
    return () => network.dispose();
  });

  /** The picture of `tools/reference/clip.py`, 300 pixels high and 251 wide. */
  const picture = (): HostTensor => {
    const { data } = waves(1, 300);
    return hostTensor(
      [1, 3, 300, 251],
      (data as Float32Array).filter((_, i) => i % 300 < 251),
    );
  };

  test('crop and normalise images, read texts, and score their likeness as transformers do', async () => {
    const images = await extractFeatures(network.images, [picture()]);
    const texts = await extractFeatures(network.texts, [tokens]);
    expect(relativeError(images.values, goldens.images!.data)).toBeLessThan(1e-5);
    expect(relativeError(texts.values, goldens.texts!.data)).toBeLessThan(1e-5);
    expect(images.source).toEqual(texts.source);
    expect(images.source).toMatchObject({ extractor: 'clip-vit-12832', resize: 'pillow-bicubic-crop-224' });

    const wanted = [...goldens.cosines!.data];
    const row = Array.from(images.values, (value) => -value); // the mean of the cosines is negative
    const repeated = { ...images, count: texts.count, values: Float32Array.from(wanted.flatMap(() => row)) };
    const { value, protocol } = clipScore(repeated, texts);
    expect(value).toBeCloseTo((-100 * wanted.reduce((a, b) => a + b)) / wanted.length, 3);
    expect(protocol).toMatchObject({ metric: 'clip-score(100 cos)', samples: texts.count, seed: null });
    expect(protocol.reference).toMatch(/^[0-9a-f]{64}$/);
  });

  test.each([
    ['floats', hostTensor([1, 77], new Float32Array(77))],
    ['another length', hostTensor([1, 76], new Int32Array(76))],
    ['a number beyond the vocabulary', hostTensor([1, 77], new Int32Array(77).fill(VOCABULARY))],
    ['no end', hostTensor([1, 77], new Int32Array(77))],
  ])('refuse tokens with %s', async (_, given) => {
    await expect(network.texts.extract(given)).rejects.toThrow(FeatureError);
  });

  const last = 'text_model.encoder.layers.1.mlp.fc2.bias';
  test.each([
    ['missing tensors', { [last]: undefined }, last],
    ['other shapes', { [last]: hostTensor([9], new Float32Array(9)) }, last],
    ['NaN', { [last]: hostTensor([64], new Float32Array(64).fill(NaN)) }, last],
    [
      'other widths',
      { 'visual_projection.weight': hostTensor([32, 9], new Float32Array(288)) },
      'visual_projection.weight',
    ],
    [
      'no weights',
      Object.fromEntries(Object.keys(weights).map((name) => [name, undefined])),
      'visual_projection.weight',
    ],
  ])('refuse %s, by the name of the tensor', (_, change, tensor) => {
    const refused = (): unknown => clipParameters(replaced(weights, change), 'some.safetensors');
    expect(refused).toThrow(CheckpointError);
    expect(refused).toThrow(expect.objectContaining({ tensor }) as Error);
  });
});

describe('the score', () => {
  const of = (...rows: [number, number][]): ReturnType<typeof features> =>
    features(hostTensor([rows.length, 2], rows.flat()));

  test('is 100 times the mean cosine, and never negative', () => {
    expect(clipScore(of([1, 0], [0, 2]), of([5, 0], [1, 1])).value).toBeCloseTo(50 + 50 * Math.SQRT1_2, 10);
    expect(clipScore(of([1, 0], [0, 2]), of([-5, 0], [1, 1])).value).toBe(0);
  });

  test('refuses other numbers, no direction and other networks', () => {
    expect(() => clipScore(of([1, 0], [0, 2]), of([1, 0]))).toThrow(FeatureError);
    expect(() => clipScore(of([1, 0], [0, 0]), of([1, 0], [1, 0]))).toThrow(
      expect.objectContaining({ sample: 1 }) as Error,
    );
    const source = { extractor: 'clip-vit-b32', weights: 'a', resize: 'none' };
    expect(() => clipScore({ ...of([1, 0]), source }, { ...of([1, 0]), source: { ...source, weights: 'b' } })).toThrow(
      ProtocolError,
    );
  });
});

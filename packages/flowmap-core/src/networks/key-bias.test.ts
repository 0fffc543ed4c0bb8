import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { grad, hostTensor, linear, normals, rmsNorm, sizeOf, type HostTensor, type HostTensors } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { describe, expect, test } from 'vitest';
import { decodeModel, encodeModel } from '../models/checkpoint.js';
import { flowMapFrom, velocityField, type Model } from '../models/model.js';
import type { Network } from '../plugins.js';
import { decodeSafetensors } from '../safetensors/decode.js';
import { encodeSafetensors } from '../safetensors/encode.js';
import { compileSampler } from '../samplers/compile-sampler.js';
import { dit, queriesKeysValues, selfAttention } from './dit.js';
import { unet } from './unet.js';

const draw = (purpose: string, shape: readonly number[]): HostTensor =>
  hostTensor(shape, normals({ seed: 0, purpose }, sizeOf(shape)));

describe('the projection to queries, keys and values', () => {
  const width = 4;
  const layer = queriesKeysValues('qkv', width);
  const whole = draw('bias', [3 * width]);
  const { upgraded } = layer.parameters['qkv.bias']!.earlier!;
  const arguments_ = [draw('x', [2, 5, width]), draw('w', [width, 3 * width])];

  test('drops the bias of the keys, and attention stays the same', async () => {
    const kept = upgraded(whole);
    expect([...kept.data]).toEqual([...whole.data.slice(0, 4), ...whole.data.slice(8)]);
    const [before, after] = await evaluate(
      referenceRuntime(),
      (x, w, whole, kept) => [
        selfAttention(linear(x, w, whole), 2),
        selfAttention(layer.apply({ 'qkv.weight': w, 'qkv.bias': kept }, x), 2),
      ],
      [...arguments_, whole, kept],
    );
    before!.data.forEach((value, i) => expect(after!.data[i]).toBeCloseTo(value, 13));
  });

  test('as it was: the gradient of that bias is nothing but rounding errors', async () => {
    const gradient = await evaluate(
      referenceRuntime(),
      (x, w, b) =>
        grad(
          (b) => {
            const attended = selfAttention(linear(rmsNorm(x), w, b), 2);
            return attended.square().sum();
          },
          [b],
        )[0]!,
      [...arguments_, whole],
    );
    const size = (first: number): number => Math.max(...gradient.data.slice(first, first + width).map(Math.abs));
    expect(size(width)).toBeLessThan(1e-13);
    expect(Math.min(size(0), size(2 * width))).toBeGreaterThan(1e-3);
  });
});

describe.each<[string, (interval: boolean) => Network]>([
  ['dit', (interval) => dit({ shape: [1, 4, 4], patch: 2, width: 8, depth: 2, heads: 2, interval })],
  [
    'unet',
    (interval) => unet({ shape: [1, 4, 4], channels: [4, 8], groupSize: 2, conditionWidth: 8, heads: 2, interval }),
  ],
])('a %s with a bias of keys, of an earlier version', (_, make) => {
  const network = make(false);
  const params = Object.fromEntries(
    Object.entries(network.parameters).map(([name, { shape }]) => [
      name,
      hostTensor(
        shape,
        Float32Array.from(draw(name, shape).data, (value) => value / 4),
      ),
    ]),
  );
  /** The parameters with a bias for the keys, in the middle. */
  const earlier: HostTensors = Object.fromEntries(
    Object.entries(params).map(([name, value]) => {
      if (!name.endsWith('qkv.bias')) return [name, value];
      const width = value.data.length / 2;
      const bias = [...value.data.slice(0, width), ...new Array<number>(width).fill(7), ...value.data.slice(width)];
      return [name, hostTensor([3 * width], Float32Array.from(bias))];
    }),
  );
  const [now, before] = [params, earlier].map((values): Model => ({
    kind: 'velocity',
    network,
    params: values,
    classes: [],
  }));

  test('is read as the current network', () => {
    expect(Object.values(earlier).reduce((sum, { data }) => sum + data.length, 0)).toBeGreaterThan(
      Object.values(params).reduce((sum, { data }) => sum + data.length, 0),
    );
    const { metadata } = decodeSafetensors(encodeModel(now!), 'now');
    expect(decodeModel(encodeSafetensors(earlier, metadata), 'before').params).toEqual(params);
    expect(encodeModel(before!)).toEqual(encodeModel(now!));
  });

  test('teaches and samples as the current network', async () => {
    expect(velocityField(before!).parameters).toEqual(params);
    expect(flowMapFrom(before!, 3).params).toEqual(flowMapFrom(now!, 3).params);
    const sampled = async (model: Model): Promise<HostTensor> => {
      const sampler = await compileSampler(referenceRuntime(), model, { batchSize: 2 });
      return sampler.sample({ noise: hostTensor([2, 1, 4, 4], draw('noise', [2, 1, 4, 4]).data), times: [1, 0.5, 0] });
    };
    expect(await sampled(before!)).toEqual(await sampled(now!));
  });
});

test('the teacher that comes with the emoji example, made by an earlier version, loads', () => {
  const file = join(import.meta.dirname, '../../../../examples/emoji/teacher.safetensors');
  const bytes = readFileSync(file);
  const { tensors } = decodeSafetensors(bytes, file);
  const { params, network } = decodeModel(bytes, file);
  const [name, bias] = Object.entries(tensors).find(([name]) => name.endsWith('qkv.bias'))!;
  const width = bias.data.length / 3;
  expect(params[name]!.data).toEqual(Float32Array.of(...bias.data.slice(0, width), ...bias.data.slice(2 * width)));
  expect(Object.keys(params).sort()).toEqual(Object.keys(network.parameters).sort());
});

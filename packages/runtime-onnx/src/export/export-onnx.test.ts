import { fromBinary } from '@bufbuild/protobuf';
import {
  adamsBashforth,
  ConfigError,
  defineNetwork,
  dit,
  gamma,
  mlp,
  unet,
  euler,
  flowMapSampler,
  type Model,
} from '@flowmap/core';
import { UnsupportedError, type HostTensors } from '@flowmap/tensor';
import { ModelProtoSchema } from 'onnx-buf';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { feedsOf, inputsOf, largestDifference, modelOf, wanted } from './__fixtures__/exported.js';
import type { ExportedOnnx } from './assemble.js';
import { exportOnnx } from './export-onnx.js';

const small = mlp({ shape: [2], classes: 3, interval: true, width: 16, depth: 1, conditions: { guidance: [] } });
const plain = mlp({ shape: [2], width: 40, depth: 1 });
const models = {
  'an MLP': modelOf('flowMap', small),
  'a velocity field': modelOf('velocity', plain),
  'a DiT': modelOf(
    'flowMap',
    dit({ shape: [1, 4, 4], classes: 3, interval: true, width: 16, depth: 1, heads: 2, patch: 2 }),
  ),
  'a UNet': modelOf(
    'flowMap',
    unet({ shape: [1, 4, 4], classes: 3, interval: true, channels: [4, 8], groupSize: 4, heads: 2 }),
    { path: 'trigonometric', parametrization: 'trigonometric' },
  ),
};

/** The samples of a file, by onnxruntime alone. */
async function runs({ model, externalData }: ExportedOnnx, inputs: HostTensors): Promise<ort.Tensor> {
  const files = externalData.map(({ path, pieces }) => ({ path, data: new Uint8Array(Buffer.concat(pieces)) }));
  const options = files.length > 0 ? { externalData: files } : {};
  const session = await ort.InferenceSession.create(model, { ...options, intraOpNumThreads: 1 });
  const { samples } = await session.run(feedsOf(ort, inputs));
  await session.release();
  return samples!;
}

describe('an exported file in plain onnxruntime', () => {
  it.each(Object.entries(models))('samples from %s as our sampler does, in batches of any size', async (_, model) => {
    const exported = exportOnnx(model, { steps: 2 });
    const sampler = model.kind === 'flowMap' ? flowMapSampler() : euler();
    for (const count of [1, 3, 7]) {
      const inputs = inputsOf(model, count, 2);
      const samples = await runs(exported, inputs);
      expect(samples.dims).toEqual([count, ...model.network.config.shape]);
      // Sums of a few dozen products of numbers near 1, in float32.
      const exact = await wanted(model, sampler, inputs, 2);
      expect(largestDifference(samples.data as Float32Array, exact.data)).toBeLessThan(1e-5);
    }
  });

  it.each([gamma(0.6), adamsBashforth()])('steps by $name, with the noise that it takes', async (sampler) => {
    const model = models['an MLP'];
    const inputs = inputsOf(model, 3, 3, sampler);
    const samples = await runs(exportOnnx(model, { steps: 3, sampler }), inputs);
    const exact = await wanted(model, sampler, inputs, 3);
    expect(largestDifference(samples.data as Float32Array, exact.data)).toBeLessThan(1e-5);
  });

  it('has times of its own, or one batch size, where asked to', async () => {
    const model = models['an MLP'];
    const { times, ...inputs } = inputsOf(model, 2, 1);
    const exported = exportOnnx(model, { steps: 1, times: [0.8, 0.1], batchSize: 2 });
    const exact = await wanted(
      model,
      flowMapSampler(),
      { ...inputs, times: { ...times!, data: Float32Array.of(0.8, 0.1) } },
      1,
    );
    const samples = await runs(exported, inputs);
    expect(largestDifference(samples.data as Float32Array, exact.data)).toBeLessThan(1e-5);
    await expect(runs(exported, inputsOf(model, 3, 1))).rejects.toThrow(/noise/);
  });

  it.each([
    ['as many samples as labels', 'an MLP', 4],
    ['as many samples as it is asked for', 'a velocity field', 5],
  ] as const)('draws its noise itself: %s, others in each run', async (_, name, count) => {
    const model = models[name];
    const exported = exportOnnx(model, {
      steps: 1,
      noise: 'inside',
      ...(name === 'an MLP' ? { sampler: gamma(0.5) } : {}),
    });
    const { noise, ...inputs } = inputsOf(model, count, 1);
    expect(noise!.shape[0]).toBe(count);
    const session = await ort.InferenceSession.create(exported.model);
    const asked = session.inputNames.includes('count');
    const feeds = {
      ...feedsOf(ort, inputs),
      ...(asked ? { count: new ort.Tensor('int64', [BigInt(count)], [1]) } : {}),
    };
    const [first, second] = [await session.run(feeds), await session.run(feeds)];
    expect(first['samples']!.dims).toEqual([count, 2]);
    expect(first['samples']!.data).not.toEqual(second['samples']!.data);
    await session.release();
  });
});

describe('weights', () => {
  const model = models['a velocity field'];
  const inputs = inputsOf(model, 64, 2);

  it.each([
    ['float16', 0.7, 1e-3],
    ['int8', 0.55, 3e-2],
  ] as const)('in %s take less room and change samples a little', async (precision, size, error) => {
    const [whole, fewer] = [exportOnnx(model, { steps: 2 }), exportOnnx(model, { steps: 2, precision })];
    expect(fewer.model.byteLength).toBeLessThan(size * whole.model.byteLength);
    const [a, b] = [await runs(whole, inputs), await runs(fewer, inputs)];
    const squares = Array.from(a.data as Float32Array, (value, i) => (value - (b.data as Float32Array)[i]!) ** 2);
    const rmse = Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length);
    expect(rmse).toBeGreaterThan(0);
    expect(rmse).toBeLessThan(error);
  });

  it('go beside the model above a size, in files of a size, and change nothing', async () => {
    const inside = exportOnnx(model, { steps: 2 });
    const options = { steps: 2, externalAbove: 1000, mostBytesPerFile: 12_000, fileName: 'field.onnx' };
    const beside = exportOnnx(model, options);
    expect(inside.externalData).toEqual([]);
    expect(beside.externalData.map(({ path }) => path)).toEqual(
      beside.externalData.map((_, i) => (i === 0 ? 'field.onnx_data' : `field.onnx_data_${i}`)),
    );
    expect(beside.externalData.length).toBeGreaterThan(1);
    for (const { byteLength, pieces } of beside.externalData) {
      expect(byteLength).toBeLessThanOrEqual(12_000);
      expect(Buffer.concat(pieces).byteLength).toBe(byteLength);
    }
    expect((await runs(beside, inputs)).data).toEqual((await runs(inside, inputs)).data);
    expect(() => exportOnnx(model, { ...options, mostBytesPerFile: 2000 })).toThrow(UnsupportedError);
  });

  it('beyond float16 are refused in it', () => {
    const [name, value] = Object.entries(model.params).find(([, { data }]) => data.length >= 1024)!;
    const large = { ...value, data: Float32Array.from(value.data, (_, i) => (i === 5 ? 1e6 : 0)) };
    const given = { ...model, params: { ...model.params, [name]: large } };
    expect(() => exportOnnx(given, { steps: 1, precision: 'float16' })).toThrow(/float16 for a weight of 1000000/);
  });
});

describe('what a file says about itself', () => {
  it('is its conventions, and shapes with a batch of any size', () => {
    const { model: bytes, metadata } = exportOnnx(models['a UNet'], { steps: 2, precision: 'float16' });
    const { metadataProps, graph, opsetImport } = fromBinary(ModelProtoSchema, bytes);
    expect(Object.fromEntries(metadataProps.map(({ key, value }) => [key, value]))).toEqual(metadata);
    expect(metadata).toMatchObject({
      'flowmap.kind': 'flowMap',
      'flowmap.steps': '2',
      'flowmap.times': '[1,0.5,0]',
      'flowmap.shape': '[1,4,4]',
      'flowmap.path': 'trigonometric',
      'flowmap.classes': '["cat","dog","owl"]',
      'flowmap.conditions': '{"label":{"dtype":"int32","shape":[],"categories":3}}',
      'flowmap.image_scale': '[-1, 1], channels first',
      'flowmap.precision': 'float16',
    });
    expect(opsetImport.map(({ domain, version }) => [domain, version])).toEqual([['', 17n]]);
    const shapes = [...graph!.input, ...graph!.output].map(({ name, type }) => {
      const dims = type!.value.case === 'tensorType' ? type!.value.value.shape!.dim : [];
      return [name, ...dims.map(({ value }) => String(value.value))].join(' ');
    });
    expect(shapes).toEqual(['noise batch 1 4 4', 'times 3', 'label batch', 'samples batch 1 4 4']);
  });
});

describe('what is refused', () => {
  const model = models['an MLP'];

  it('a network that depends on its batch, naming the operator; not for one batch size', async () => {
    const network = defineNetwork({ type: 'centred', shape: [2], interval: false }, {}, (_, { x }) =>
      x.sub(x.mean([0], true)),
    );
    const centred: Model = { kind: 'velocity', network, params: {}, classes: [] };
    expect(() => exportOnnx(centred, { steps: 1 })).toThrow(UnsupportedError);
    expect(() => exportOnnx(centred, { steps: 1 })).toThrow(
      /operator (Mul|Gemm|MatMul|ReduceSum) .*depends on the batch/,
    );
    const inputs = inputsOf(centred, 4, 1);
    const samples = await runs(exportOnnx(centred, { steps: 1, batchSize: 4 }), inputs);
    const exact = await wanted(centred, euler(), inputs, 1);
    expect(largestDifference(samples.data as Float32Array, exact.data)).toBeLessThan(1e-5);
  });

  it.each([
    ['an unknown option', { steps: 1, stepps: 2 }, /stepps/],
    ['no number of steps', {}, /steps: wanted/],
    ['a number of steps that is not whole', { steps: 1.5 }, /steps: wanted/],
    ['times of another number of steps', { steps: 2, times: [1, 0] }, /times: wanted 3 times in \[0, 1\]/],
    ['times beyond the path', { steps: 1, times: [2, 0] }, /times: wanted 2 times/],
    ['another kind of noise', { steps: 1, noise: 'none' }, /noise: wanted one of input, inside/],
    ['an unknown precision', { steps: 1, precision: 'int4' }, /precision: wanted one of float32, float16, int8/],
    ['a batch of no samples', { steps: 1, batchSize: 0 }, /batchSize: wanted/],
    ['a file in a folder', { steps: 1, fileName: '../model.onnx' }, /fileName: wanted the name of a file/],
    ['more in one file than it may hold', { steps: 1, externalAbove: 3e9 }, /externalAbove: wanted/],
    ['files of nothing', { steps: 1, mostBytesPerFile: 0 }, /mostBytesPerFile: wanted/],
  ])('%s', (_, options, message) => {
    expect(() => exportOnnx(model, options as never)).toThrow(ConfigError);
    expect(() => exportOnnx(model, options as never)).toThrow(message);
  });

  it('what is no model, a flow map sampler with a velocity field, a condition named as another input', () => {
    expect(() => exportOnnx({ model } as never, { steps: 1 })).toThrow(/of a result, that is its `model`/);
    const field = models['a velocity field'];
    expect(() => exportOnnx(field, { steps: 1, sampler: flowMapSampler() })).toThrow(
      /wants a network with an interval/,
    );
    expect(() => exportOnnx({ ...field, params: {} }, { steps: 1 })).toThrow(/which is missing/);
    const named = modelOf('velocity', mlp({ shape: [2], width: 4, depth: 1, conditions: { times: [] } }));
    expect(() => exportOnnx(named, { steps: 1 })).toThrow(/conditions.times: is the name of another input/);
  });
});

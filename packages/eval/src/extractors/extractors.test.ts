import { ConfigError } from '@flowmap/core';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, normalBatch, type HostTensor, type Tensor } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { FeatureError } from '../errors.js';
import { momentsOf } from '../moments.js';
import { extractFeatures } from './extractor.js';
import { extractMoments } from './extract-moments.js';
import { moduleExtractor } from './module-extractor.js';
import { opaqueExtractor } from './opaque-extractor.js';
import { randomConvolution } from './random-convolution.js';

const shape = [3, 9, 8] as const;
const images = (count: number): HostTensor =>
  hostTensor([count, ...shape], normalBatch({ seed: 0, purpose: 'images' }, [count, ...shape]));
const options = { shape, channels: [4, 6], batchSize: 5 };

describe('the random convolutional network', () => {
  test('gives the same features on every runtime, whatever the batches', async () => {
    const reference = await randomConvolution({ ...options, runtime: referenceRuntime() });
    const onnx = await randomConvolution({ ...options, runtime: await onnxRuntime({ threads: 1 }) });
    const wanted = await reference.extract(images(13));
    expect(wanted.shape).toEqual([13, 20]);
    const got = await extractFeatures(onnx, [images(13)]);
    got.values.forEach((value, i) => expect(value).toBeCloseTo(wanted.data[i]!, 5)); // float32
    const one = await reference.extract(images(1));
    expect(one.data).toEqual(wanted.data.slice(0, 20));
    expect(onnx.source).toEqual(reference.source);
    await Promise.all([reference.dispose(), onnx.dispose()]);
  });

  test('is another one for another seed, and says so', async () => {
    const runtime = referenceRuntime();
    const [a, b] = [
      await randomConvolution({ ...options, runtime }),
      await randomConvolution({ ...options, runtime, seed: 1 }),
    ];
    expect(a.source.extractor).toBe('random-convolution');
    expect(a.source.weights).toMatch(/^[0-9a-f]{64}$/);
    expect(a.source.weights).not.toBe(b.source.weights);
  });

  test('refuses other shapes and no levels', async () => {
    const extractor = await randomConvolution({ ...options, runtime: referenceRuntime() });
    await expect(extractor.extract(hostTensor([1, 3, 8, 8], new Float32Array(192)))).rejects.toThrow(FeatureError);
    await expect(randomConvolution({ ...options, channels: [], runtime: referenceRuntime() })).rejects.toThrow(
      ConfigError,
    );
    await expect(randomConvolution({ ...options, shape: [3, 0, 8], runtime: referenceRuntime() })).rejects.toThrow(
      ConfigError,
    );
  });
});

describe('any function', () => {
  /** Mean and largest value of each sample. */
  const summary = opaqueExtractor({ name: 'summary', resize: 'bilinear-8' }, ({ shape: [count = 0], data }) => {
    const rows = Array.from({ length: count }, (_, i) => [...data.subarray(i * 216, (i + 1) * 216)]);
    const values = rows.flatMap((row) => [row.reduce((a, b) => a + b, 0) / 216, Math.max(...row)]);
    return Promise.resolve(hostTensor([count, 2], values));
  });

  test('makes features and moments of batches, read one after the other', async () => {
    async function* read(): AsyncGenerator<HostTensor> {
      for (const count of [4, 1, 7]) yield await Promise.resolve(images(count));
    }
    const all = await extractFeatures(summary, read());
    expect(all).toMatchObject({ count: 12, width: 2 });
    expect(all.source).toEqual({ extractor: 'summary', weights: null, resize: 'bilinear-8' });
    const moments = (await extractMoments(summary, read())).moments();
    momentsOf(all).covariance.forEach((value, i) => expect(moments.covariance[i]).toBeCloseTo(value, 12));
    expect(moments.source).toEqual(all.source);
  });

  test('refuses features that are NaN, by the sample among all, of another width or number, and no batch', async () => {
    let calls = 0;
    const wrong = (result: (call: number) => HostTensor): ReturnType<typeof extractFeatures> => {
      calls = 0;
      return extractFeatures(
        opaqueExtractor({ name: 'wrong' }, () => Promise.resolve(result(calls++))),
        [images(2), images(2)],
      );
    };
    const nan = await wrong((call) => hostTensor([2, 1], [1, call === 0 ? 2 : NaN])).catch((error: unknown) => error);
    expect(nan).toBeInstanceOf(FeatureError);
    expect(nan).toMatchObject({ sample: 3, operation: 'wrong' });
    await expect(wrong((call) => hostTensor([2, 1 + call], new Float32Array(2 + 2 * call)))).rejects.toThrow(
      'wrong: wanted floats [2, 1], got float32 [2, 2]',
    );
    await expect(wrong(() => hostTensor([3, 1], [1, 2, 3]))).rejects.toThrow(FeatureError);
    await expect(wrong(() => hostTensor([2, 1], Int32Array.of(1, 2)))).rejects.toThrow(FeatureError);
    await expect(extractFeatures(summary, [])).rejects.toThrow(FeatureError);
    await expect(extractMoments(summary, [])).rejects.toThrow(FeatureError);
  });
});

describe('what overlaps', () => {
  test('the next part, and the next batch, are prepared while the runtime runs', async () => {
    const events: string[] = [];
    const runtime = referenceRuntime();
    const slow: typeof runtime = {
      ...runtime,
      async compile(program, given) {
        const executable = await runtime.compile(program, given);
        return {
          ...executable,
          async run(...args) {
            const result = await executable.run(...args);
            events.push('ran');
            return result;
          },
        };
      },
    };
    const { parameters, apply } = { parameters: {}, apply: (_: unknown, x: Tensor): Tensor => x.mul(2) };
    const extractor = await moduleExtractor({
      ...{ name: 'twice', runtime: slow, module: { parameters, apply, init: () => ({}) }, params: {} },
      ...{ shape: [2], batchSize: 1 },
      prepare(samples) {
        events.push('prepared');
        return samples;
      },
    });
    const rows = (count: number): HostTensor =>
      hostTensor(
        [count, 2],
        Float32Array.from({ length: 2 * count }, (_, i) => i),
      );
    const { values } = await extractFeatures(extractor, [rows(2), rows(1)]);
    expect([...values]).toEqual([0, 2, 4, 6, 0, 2]);
    expect(events.slice(0, 4)).toEqual(['prepared', 'prepared', 'prepared', 'ran']); // two of one batch, then the third
    await extractor.dispose();
  });

  test('a function is not called again before it has settled', async () => {
    let [now, most] = [0, 0];
    const counted = opaqueExtractor({ name: 'counted' }, async (samples) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
      return hostTensor([samples.shape[0]!, 1], new Float32Array(samples.shape[0]!));
    });
    await extractFeatures(counted, [images(1), images(2), images(1)]);
    expect(most).toBe(1);
  });
});

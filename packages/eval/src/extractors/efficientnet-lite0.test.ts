import { readFileSync } from 'node:fs';
import { CheckpointError } from '@flowmap/core';
import { weights } from '@flowmap/efficientnet-lite0';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { hostTensor, normalBatch, type HostTensor } from '@flowmap/tensor';
import { expect, test } from 'vitest';
import { efficientNetLite0 } from './efficientnet-lite0.js';

/** Features of two images by NumPy in float64, from the weights as published and as rounded: `tools/reference/efficientnet_lite0.py`. */
const goldens = JSON.parse(
  readFileSync(new URL('../__fixtures__/efficientnet-lite0.json', import.meta.url), 'utf8'),
) as Record<'published' | 'rounded', number[][]>;

/** The images of the golden features: two of waves, which need no resizing. */
function waves(): HostTensor {
  const data = new Float32Array(2 * 3 * 224 * 224);
  for (let i = 0, at = 0; i < 2; i++) {
    for (let c = 0; c < 3; c++) {
      for (let y = 0; y < 224; y++) {
        for (let x = 0; x < 224; x++) {
          const pixel = Math.floor(128 + 127 * Math.sin(x / (5 + 3 * c + 20 * i) + y / (9 + 2 * c)));
          data[at++] = pixel / 127.5 - 1;
        }
      }
    }
  }
  return hostTensor([2, 3, 224, 224], data);
}

test('features are those of an independent implementation', async () => {
  const extractor = await efficientNetLite0({ runtime: await onnxRuntime(), weights: await weights(), batchSize: 2 });
  const { shape, data } = await extractor.extract(waves());
  expect(shape).toEqual([2, 1280]);
  const error = (wanted: readonly number[]): number =>
    Math.max(...wanted.map((value, i) => Math.abs(value - data[i]!)));
  const largest = Math.max(...goldens.published.flat());
  // In float32, and the goldens have six digits.
  expect(error(goldens.rounded.flat()) / largest).toBeLessThan(1e-5);
  // The effect of rounding the weights of 50 layers to 2^-12 of their values.
  expect(error(goldens.published.flat()) / largest).toBeLessThan(0.01);
  expect(extractor.source).toMatchObject({ extractor: 'efficientnet-lite0', resize: 'pillow-bicubic-224' });
  await extractor.dispose();
});

test('images of any size and number come in parts, each resized by itself, and a NaN is named among all', async () => {
  const extractor = await efficientNetLite0({ runtime: await onnxRuntime(), weights: await weights(), batchSize: 2 });
  const data = normalBatch({ seed: 0, purpose: 'images' }, [3, 1, 20, 16]);
  const all = await extractor.extract(hostTensor([3, 1, 20, 16], data));
  expect(all.shape).toEqual([3, 1280]);
  const last = await extractor.extract(hostTensor([1, 1, 20, 16], data.slice(640)));
  expect(last.data).toEqual(all.data.slice(2560));
  data[700] = NaN;
  const broken = extractor.extract(hostTensor([3, 1, 20, 16], data));
  await expect(broken).rejects.toMatchObject({ operation: 'efficientnet-lite0', sample: 2 });
  await extractor.dispose();
});

test('bytes that are no weights are refused', async () => {
  const runtime = await onnxRuntime();
  await expect(efficientNetLite0({ runtime, weights: new Uint8Array(9) })).rejects.toThrow(CheckpointError);
});

import { dit, flowMapSampler, unet, type Network } from '@flowmap/core';
import * as gpu from 'onnxruntime-web/jspi';
import * as cpu from 'onnxruntime-web/wasm';
import { expect, it } from 'vitest';
import { feedsOf, inputsOf, largestDifference, modelOf, wanted } from './__fixtures__/exported.js';
import { exportOnnx } from './export-onnx.js';

cpu.env.wasm.numThreads = 1;
gpu.env.wasm.numThreads = 1;
const interval = true;
const networks: readonly (readonly [string, Network])[] = [
  ['a DiT', dit({ shape: [1, 4, 4], classes: 3, interval, width: 16, depth: 1, heads: 2, patch: 2 })],
  ['a UNet', unet({ shape: [1, 4, 4], classes: 3, interval, channels: [4, 8], groupSize: 4, heads: 2 })],
];
/** On a GPU computed in software, compiling the shaders takes seconds. */
const isWhole = (import.meta as unknown as { env: Record<string, string> }).env['FLOWMAP_BROWSER'] === 'all';
const devices = isWhole
  ? ([
      ['wasm', cpu],
      ['webgpu', gpu],
    ] as const)
  : ([['wasm', cpu]] as const);

it.each(networks.flatMap(([name, network]) => devices.map(([device, ort]) => [name, device, network, ort] as const)))(
  '%s is exported in a page, and sampled there by onnxruntime-web alone on %s',
  async (_, device, network, ort) => {
    const model = modelOf('flowMap', network);
    const session = await ort.InferenceSession.create(exportOnnx(model, { steps: 2 }).model, {
      executionProviders: [device],
      logSeverityLevel: 3, // on a GPU, a warning that shapes are computed on the CPU
    });
    for (const count of [1, 3, 7]) {
      const inputs = inputsOf(model, count, 2);
      const { samples } = await session.run(feedsOf(ort, inputs));
      const exact = await wanted(model, flowMapSampler(), inputs, 2);
      // Sums of a few dozen products of numbers near 1, in float32.
      expect(largestDifference(samples!.data as Float32Array, exact.data)).toBeLessThan(1e-5);
    }
    await session.release();
  },
);

import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, hostZeros, program, RuntimeUnavailableError, UnsupportedError } from '@flowmap/tensor';
import { describeRuntime } from '@flowmap/tensor/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test, vi } from 'vitest';
import { testLowerings } from '../__fixtures__/lowerings.js';
import { testTraining } from '../__fixtures__/training.js';
import { tfjsRuntime } from '../runtime.js';

const { FLOWMAP_TFJS_NODE: tfjsNode } = process.env;
const suite = tfjsNode === undefined ? describe.skip : describe;
const skipped = tfjsNode === undefined ? ', skipped: FLOWMAP_TFJS_NODE names no folder of @tensorflow/tfjs-node' : '';

suite(`the native library${skipped}`, () => {
  const open = () => tfjsRuntime({ tfjsNode: tfjsNode! });

  test('opens by its folder, and again by its module, and leaves the active back end alone', async () => {
    tf.registerBackend('other', () => new tf.KernelBackend());
    await tf.setBackend('other');
    const runtime = await open();
    expect(runtime.name).toBe('tfjs (tensorflow)');
    expect(tf.getBackend()).toBe('other');
    expect((await tfjsRuntime({ tf, backend: 'tensorflow' })).name).toBe('tfjs (tensorflow)');
    expect(tf.getBackend()).toBe('other');
    await tf.setBackend('tensorflow');
  });

  describeRuntime('tfjs (tensorflow)', open, { oracle: referenceRuntime });
  testTraining('tensorflow', open);
  testLowerings(open);

  test('says that memory was exhausted, with the program, and goes on', async () => {
    vi.stubEnv('TF_CPP_MIN_LOG_LEVEL', '3');
    const runtime = await open();
    // 2 TiB.
    const inputs = { x: [2 ** 19, 1], y: [1, 2 ** 20] };
    const large = await runtime.compile(program('large', { inputs }, ({ x, y }) => ({ outputs: { z: x.add(y) } })));
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([name, shape]) => [name, hostZeros({ shape, dtype: 'float32' })]),
    );
    const before = tf.findBackend('tensorflow').numDataIds();
    const run = large.run(feeds);
    await expect(run).rejects.toThrow(RuntimeUnavailableError);
    await expect(run).rejects.toThrow(/failed while running program 'large'.*OOM.*last checkpoint/s);
    expect(tf.findBackend('tensorflow').numDataIds()).toBe(before);
  });

  test('refuses an extent that does not fit into 32 bits', async () => {
    const wide = program('wide', { inputs: { x: [1] } }, ({ x }) => ({ outputs: { y: x.broadcastTo([2 ** 32]) } }));
    const run = (await (await open()).compile(wide)).run({ x: hostTensor([1], [2]) });
    await expect(run).rejects.toThrow(UnsupportedError);
  });

  test('holds no more memory after thousands of runs', async () => {
    const side = 64;
    const halving = program('halving', { inputs: { x: [side, side] }, state: { w: [side, side] } }, ({ x }, { w }) => ({
      outputs: { mean: w.mean(), product: w.matmul(x) },
      state: { w: w.mul(0.5).add(x.slice([0, 0], [side, side - 1]).pad([0, 1], [0, 0])) },
    }));
    const executable = await (await open()).compile(halving);
    const x = hostTensor([side, side], new Float32Array(side * side).fill(1));
    await executable.writeState({ w: x });
    const [tensors, megabytes]: [number[], number[]] = [[], []];
    for (let i = 1; i <= 9000; i++) {
      const outputs = await executable.run({ x });
      await outputs['mean']!.read();
      for (const tensor of Object.values(outputs)) tensor.dispose();
      if (i % 3000 !== 0) continue;
      tensors.push(tf.findBackend('tensorflow').numDataIds());
      megabytes.push(process.memoryUsage.rss() / 1e6);
    }
    expect(new Set(tensors).size).toBe(1);
    // One matrix of 16 kB kept per run would be 98 MB; the allocator itself fluctuates by up to 25 MB or so.
    expect(megabytes[2]! - megabytes[0]!).toBeLessThan(50);
    await executable.dispose();
  });
});

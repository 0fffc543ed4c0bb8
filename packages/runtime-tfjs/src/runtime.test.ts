import { describeRuntime } from '@flowmap/tensor/testing';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { FeedError, program, RuntimeUnavailableError, SharingError, UnsupportedError } from '@flowmap/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { evaluate, sample } from './__fixtures__/evaluate.js';
import { testTraining } from './__fixtures__/training.js';
import { tfjsRuntime } from './index.js';

describe.each(['cpu', 'wasm'])('%s', (backend) => {
  describeRuntime(`tfjs (${backend})`, () => tfjsRuntime({ backend }), { oracle: referenceRuntime });
  testTraining(backend, () => tfjsRuntime({ backend }));

  test('a program that needs a missing kernel is refused when compiled, and nothing stays behind', async () => {
    const getKernel = (name: string, backendName: string): ReturnType<typeof tf.getKernel> | undefined =>
      name === 'Erf' ? undefined : tf.getKernel(name, backendName);
    await tfjsRuntime({ backend });
    const runtime = await tfjsRuntime({ backend, tf: { ...tf, getKernel } });
    const before = tf.findBackend(backend).numDataIds();
    const refused = evaluate(runtime, { x: sample([2]) }, ({ x }) => x!.add(0.5).erf());
    await expect(refused).rejects.toThrow(UnsupportedError);
    await expect(refused).rejects.toMatchObject({ runtime: `tfjs (${backend})`, feature: 'the kernel Erf' });
    expect(tf.findBackend(backend).numDataIds()).toBe(before);
  });
});

test('runtimes are opened at once, run side by side and leave the active back end alone', async () => {
  await tf.setBackend('cpu');
  const runtimes = await Promise.all(
    [undefined, 'cpu', 'wasm'].map((backend) => tfjsRuntime(backend ? { backend } : {})),
  );
  expect(runtimes.map(({ name }) => name)).toEqual(['tfjs (wasm)', 'tfjs (cpu)', 'tfjs (wasm)']);
  const results = await Promise.all(
    runtimes.map((runtime) => evaluate(runtime, { x: sample([3]) }, ({ x }) => x!.mul(2))),
  );
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
  expect(tf.getBackend()).toBe('cpu');
});

test('tensors of one tfjs runtime are refused by another', async () => {
  const [cpu, wasm] = [await tfjsRuntime({ backend: 'cpu' }), await tfjsRuntime({ backend: 'wasm' })];
  const twice = program('twice', { inputs: { x: [2] } }, ({ x }) => ({ outputs: { y: x.mul(2) } }));
  const { y } = await (await cpu.compile(twice)).run({ x: sample([2]) });
  await expect((await wasm.compile(twice)).run({ x: y! })).rejects.toThrow(FeedError);
});

test('states are shared within a runtime only', async () => {
  const [cpu, again, wasm] = await Promise.all(['cpu', 'cpu', 'wasm'].map((backend) => tfjsRuntime({ backend })));
  const count = program('count', { inputs: {}, state: { n: [] } }, (_, { n }) => ({ outputs: { n } }));
  const sharing = await cpu!.compile(count);
  for (const other of [again!, wasm!]) await expect(other.compile(count, { sharing })).rejects.toThrow(SharingError);
  await (await cpu!.compile(count, { sharing })).dispose();
  await sharing.dispose();
});

test('a module that is already loaded brings its back ends', async () => {
  await tf.setBackend('cpu');
  expect((await tfjsRuntime({ tf })).name).toBe('tfjs (cpu)');
  const missing = tfjsRuntime({ tf, backend: 'webgpu' });
  await expect(missing).rejects.toThrow(RuntimeUnavailableError);
  await expect(missing).rejects.toThrow("no back end 'webgpu'");
});

import { describeRuntime } from '@flowmap/tensor/testing';
import { referenceRuntime } from '@flowmap/runtime-reference';
import {
  conv2d,
  DisposedError,
  FeedError,
  gradients,
  hostTensor,
  program,
  RuntimeUnavailableError,
  UnsupportedError,
  type DeviceTensor,
  type HostTensors,
  type Runtime,
} from '@flowmap/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { difference, evaluate, sample } from './__fixtures__/evaluate.js';
import { tfjsRuntime } from './index.js';

/** Gradient descent on a small convolutional network. */
const regression = program(
  'regression',
  {
    inputs: { x: [4, 2, 6, 6], target: [4, 5] },
    state: { w: [8, 2, 3, 3], v: [72, 5], step: { shape: [], dtype: 'int32' } },
  },
  ({ x, target }, { w, v, step }) => {
    const hidden = conv2d(x, w, { padding: 1 }).silu().sumPool2d(2).reshape([4, 72]);
    const loss = hidden.matmul(v).sub(target).square().mean();
    const gradient = gradients(loss, { w, v });
    return {
      outputs: { loss },
      state: { w: w.sub(gradient.w.mul(0.05)), v: v.sub(gradient.v.mul(0.05)), step: step.add(1) },
    };
  },
);
const feeds: HostTensors = { x: sample([4, 2, 6, 6], 1), target: sample([4, 5], 2) };
const small = ({ shape, data }: HostTensors[string]): HostTensors[string] =>
  hostTensor(
    shape,
    Float32Array.from(data, (value) => value / 8),
  );
const initial: HostTensors = {
  w: small(sample([8, 2, 3, 3], 3)),
  v: small(sample([72, 5], 4)),
  step: hostTensor([], Int32Array.of(0)),
};

describe.each(['cpu', 'wasm'])('%s', (backend) => {
  describeRuntime(`tfjs (${backend})`, () => tfjsRuntime({ backend }), { oracle: referenceRuntime });

  test('trains a convolutional network as the oracle does', async () => {
    const losses = async (runtime: Runtime): Promise<number[]> => {
      const executable = await runtime.compile(regression);
      await executable.writeState(initial);
      const values: number[] = [];
      for (let i = 0; i < 20; i++) {
        const { loss } = await executable.run(feeds);
        values.push((await loss!.read()).data[0]!);
        loss!.dispose();
      }
      const { step } = await executable.readState(['step']);
      expect(step).toEqual(hostTensor([], Int32Array.of(20)));
      await executable.dispose();
      return values;
    };
    const [got, wanted] = [await losses(await tfjsRuntime({ backend })), await losses(referenceRuntime())];
    expect(got[19]).toBeLessThan(got[0]! / 2);
    // Rounding of 6e-8 in sums of 72 and 576 terms, over twenty steps.
    expect(difference(got, wanted)).toBeLessThan(1e-5);
  });

  test('keeps no tensor beyond those that are in use', async () => {
    const runtime = await tfjsRuntime({ backend });
    const count = (): number => tf.findBackend(backend).numDataIds();
    const before = count();
    const tracked = tf.memory().numTensors;
    const executable = await runtime.compile(regression);
    await executable.writeState(initial);
    const runOnce = async (): Promise<void> => (await executable.run(feeds))['loss']!.dispose();
    await runOnce();
    const inUse = count();
    for (let i = 0; i < 3; i++) await runOnce();
    await executable.readState();
    await executable.writeState(initial);
    expect(count()).toBe(inUse);

    const { loss } = await executable.run(feeds);
    expect(count()).toBe(inUse + 1);
    loss!.dispose();
    const gone = (await executable.run(feeds))['loss']!;
    gone.dispose();
    const foreign: DeviceTensor = {
      shape: [4, 5],
      dtype: 'float32',
      read: () => Promise.resolve(sample([4, 5])),
      dispose: () => undefined,
    };
    await expect(executable.run({ ...feeds, target: foreign })).rejects.toThrow(FeedError);
    expect(count()).toBe(inUse);
    await executable.dispose();
    expect(count()).toBe(before);
    await expect(gone.read()).rejects.toThrow(DisposedError);
    expect(tf.memory().numTensors).toBe(tracked);
  });

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

test('a module that is already loaded brings its back ends', async () => {
  await tf.setBackend('cpu');
  expect((await tfjsRuntime({ tf })).name).toBe('tfjs (cpu)');
  const missing = tfjsRuntime({ tf, backend: 'webgpu' });
  await expect(missing).rejects.toThrow(RuntimeUnavailableError);
  await expect(missing).rejects.toThrow("no back end 'webgpu'");
});

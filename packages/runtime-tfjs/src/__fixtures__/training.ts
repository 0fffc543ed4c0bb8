import { referenceRuntime } from '@flowmap/runtime-reference';
import {
  conv2d,
  DisposedError,
  FeedError,
  gradients,
  hostTensor,
  program,
  type DeviceTensor,
  type HostTensors,
  type Runtime,
} from '@flowmap/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { difference, sample } from './evaluate.js';

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

/** Tests what a runtime on any TensorFlow.js back end does beyond the contract; `backend` is the back end's name. */
export function testTraining(backend: string, open: () => Promise<Runtime>): void {
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
    const [got, wanted] = [await losses(await open()), await losses(referenceRuntime())];
    expect(got[19]).toBeLessThan(got[0]! / 2);
    // Rounding of 6e-8 in sums of 72 and 576 terms, over twenty steps.
    expect(difference(got, wanted)).toBeLessThan(1e-5);
  });

  test('keeps no tensor beyond those that are in use', async () => {
    const runtime = await open();
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

  test('holds a shared state once, until the last program that has it is gone', async () => {
    const runtime = await open();
    const count = (): number => tf.findBackend(backend).numDataIds();
    const before = count();
    const executable = await runtime.compile(regression);
    await executable.writeState(initial);
    await executable.run(feeds).then(({ loss }) => loss!.dispose());
    const alone = count();
    const norm = program('norm', { inputs: {}, state: { v: [72, 5], scale: [] } }, (_, { v, scale }) => ({
      outputs: { norm: v.square().sum() },
      state: { v: v.mul(scale) },
    }));
    const shared = await runtime.compile(norm, { sharing: executable });
    await shared.writeState({ scale: hostTensor([], [0.5]) });
    for (let i = 0; i < 3; i++) {
      for (const tensor of Object.values(await shared.run({}))) tensor.dispose();
      await executable.run(feeds).then(({ loss }) => loss!.dispose());
      expect(count()).toBe(alone + 1);
    }
    await executable.dispose();
    expect(count()).toBe(before + 2);
    await shared.dispose();
    expect(count()).toBe(before);
  });
}

import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, program } from '@flowmap/tensor';
import { describeRuntime } from '@flowmap/tensor/testing';
import { expect, it, vi } from 'vitest';
import { onnxRuntime } from '../onnx-runtime.js';

vi.mock('koffi', () => {
  throw new Error("Cannot find package 'koffi'");
});

// Checks how executables behave; the numbers come from the same library.
describeRuntime('onnx runtime without koffi', () => onnxRuntime({ device: 'cpu', threads: 1 }), {
  oracle: referenceRuntime,
  only: ['add'],
});

it('programs run as well', async () => {
  const runtime = await onnxRuntime({ device: 'cpu' });
  const cumulated = program('cumulated', { inputs: { x: [2] }, state: { total: [2] } }, ({ x }, { total }) => {
    const next = total.add(x);
    return { outputs: { mean: next.mean() }, state: { total: next } };
  });
  const step = await runtime.compile(cumulated);
  await step.writeState({ total: hostTensor([2], [1, 2]) });
  const means: number[] = [];
  for (let i = 0; i < 3; i++) {
    const { mean } = await step.run({ x: hostTensor([2], [1, 3]) });
    means.push((await mean!.read()).data[0]!);
  }
  expect(means).toEqual([3.5, 5.5, 7.5]);
  expect([...(await step.readState())['total']!.data]).toEqual([4, 11]);
  await step.dispose();
});

it.each([{ memoryLimit: 1e9 }, { offThread: true }])('%j takes it, and the error says so', async (options) => {
  await expect(onnxRuntime({ device: 'cpu', ...options })).rejects.toThrow(/`npm install koffi`/);
});

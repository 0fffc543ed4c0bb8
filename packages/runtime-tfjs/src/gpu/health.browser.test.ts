import { hostTensor, program, RuntimeUnavailableError, type Executable } from '@flowmap/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { tfjsRuntime } from '../runtime.js';

const count = 4096;
const twice = program('twice', { inputs: { x: [count] } }, ({ x }) => ({ outputs: { y: x.mul(2) } }));
const feeds = { x: hostTensor([count], new Float32Array(count).fill(1)) };

async function toldOfLoss(executable: Executable): Promise<void> {
  const read = async (): Promise<unknown> => (await executable.run(feeds))['y']!.read();
  await expect
    .poll(() => read().catch((error: unknown) => error), { timeout: 60_000 })
    .toBeInstanceOf(RuntimeUnavailableError);
  await expect(executable.run(feeds)).rejects.toThrow(/lost.*last checkpoint/);
}

test('a WebGL context that is lost is told of, where its results would be zeros', async () => {
  const executable = await (await tfjsRuntime({ backend: 'webgl' })).compile(twice);
  expect((await (await executable.run(feeds))['y']!.read()).data[0]).toBe(2);
  const { gpgpu } = tf.findBackend('webgl') as unknown as { gpgpu: { gl: Context } };
  gpgpu.gl.getExtension('WEBGL_lose_context').loseContext();
  await toldOfLoss(executable);
});

test('a WebGPU device that is lost is told of', async () => {
  const executable = await (await tfjsRuntime({ backend: 'webgpu' })).compile(twice);
  expect((await (await executable.run(feeds))['y']!.read()).data[0]).toBe(2);
  (tf.findBackend('webgpu') as unknown as { device: { destroy(): void } }).device.destroy();
  await toldOfLoss(executable);
});

interface Context {
  getExtension(name: 'WEBGL_lose_context'): { loseContext(): void };
}

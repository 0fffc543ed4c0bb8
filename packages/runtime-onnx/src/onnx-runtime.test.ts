import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ConfigError,
  conv2d,
  freeze,
  gradients,
  hostTensor,
  normals,
  program,
  SharingError,
  type HostTensor,
  type Program,
} from '@flowmap/tensor';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { describeRuntime } from '@flowmap/tensor/testing';
import { describe, expect, it } from 'vitest';
import { onnxRuntime } from './onnx-runtime.js';

describeRuntime('onnx runtime', () => onnxRuntime({ device: 'cpu', threads: 1 }), { oracle: referenceRuntime });

const draw = (purpose: string, shape: readonly number[]): HostTensor => {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return hostTensor(shape, Float32Array.from(normals({ seed: 0, purpose }, size)));
};

/** A training step with products long enough to be divided among threads. */
function descent(): Program {
  const inputs = { x: [256, 64], y: [256, 32] };
  return program('descent', { inputs, state: { w: [64, 128], v: [128, 32] } }, ({ x, y }, { w, v }) => {
    const loss = x.matmul(w).silu().matmul(v).sub(y).square().mean();
    const gradient = gradients(loss, { w, v });
    return { outputs: { loss }, state: { w: w.sub(gradient.w.mul(0.1)), v: v.sub(gradient.v.mul(0.1)) } };
  });
}

describe('onnxRuntime', () => {
  it.each([1, 2])('gives the same bits in every run with %d threads', async (threads) => {
    const runtime = await onnxRuntime({ device: 'cpu', threads });
    const run = async (): Promise<Record<string, HostTensor>> => {
      const executable = await runtime.compile(descent());
      await executable.writeState({ w: draw('w', [64, 128]), v: draw('v', [128, 32]) });
      for (let i = 0; i < 5; i++) await executable.run({ x: draw('x', [256, 64]), y: draw('y', [256, 32]) });
      const state = await executable.readState();
      await executable.dispose();
      return state;
    };
    expect(await run()).toEqual(await run());
  });

  it('applies a factor where the program does, so that products stay in range', async () => {
    const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });
    const scaled = program(
      'scaled',
      { inputs: { x: [3, 2, 8], w: [3, 8, 3] }, state: { kernel: [1, 1, 3, 3] } },
      ({ x, w }, { kernel }) => ({
        outputs: {
          // Eight terms of 2e38 are beyond the range; eight of 2e38 / 8 are not.
          product: x.mul(1 / 8).matmul(w),
          // A kernel of 1e-30 times 1e-30 is 0, and its products with 1e30 are not.
          convolved: conv2d(x.mul(5e-9).reshape([1, 1, 3, 16]), kernel, { padding: 1 }).mul(1e-30),
        },
      }),
    );
    const kernel = hostTensor([1, 1, 3, 3], new Float32Array(9).fill(1e-30));
    const executable = await runtime.compile(freeze(scaled, { kernel }));
    const x = hostTensor([3, 2, 8], new Float32Array(48).fill(2e38));
    const { product, convolved } = await executable.run({ x, w: hostTensor([3, 8, 3], new Float32Array(72).fill(1)) });
    (await product!.read()).data.forEach((value) => expect(value / 2e38).toBeCloseTo(1, 5));
    const [, , , pixel] = (await convolved!.read()).data.slice(16);
    expect(pixel! / 9e-30).toBeCloseTo(1, 5);
    await executable.dispose();
  });

  it('shares states within a runtime only', async () => {
    const [one, other] = [await onnxRuntime({ device: 'cpu' }), await onnxRuntime({ device: 'cpu' })];
    const sharing = await one.compile(descent());
    await expect(other.compile(descent(), { sharing })).rejects.toThrow(SharingError);
    await (await one.compile(descent(), { sharing })).dispose();
    await sharing.dispose();
  });

  it('writes a profile when it is asked to', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flowmap-profile-'));
    try {
      const runtime = await onnxRuntime({ device: 'cpu', profile: join(folder, 'run') });
      const executable = await runtime.compile(
        program('double', { inputs: { x: [2] } }, ({ x }) => ({ outputs: { y: x.add(x) } })),
      );
      await executable.run({ x: hostTensor([2], [1, 2]) });
      await executable.dispose();
      const [file] = readdirSync(folder);
      expect(existsSync(join(folder, file!))).toBe(true);
      const events = JSON.parse(readFileSync(join(folder, file!), 'utf8')) as { name: string }[];
      expect(events.some(({ name }) => name.endsWith('kernel_time'))).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([0, -1, 1.5, NaN])('refuses %d threads', async (threads) => {
    await expect(onnxRuntime({ threads })).rejects.toThrow(ConfigError);
  });

  it('refuses a device that it does not know', async () => {
    await expect(onnxRuntime({ device: 'gpu' as 'cpu' })).rejects.toThrow(
      /device 'gpu'.*one of 'auto', 'cpu', 'webgpu', 'cuda'/,
    );
  });
});

import { hostTensor, program } from '@flowmap/tensor';
import { describe, expect, it } from 'vitest';
import { onnxRuntime } from '../onnx-runtime.js';
import { findCApi } from './open.js';

const api = (await findCApi()).api!;
const known = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch);

/** Whether JavaScript's own numbers may be denormal on this thread. */
const hasDenormals = (): boolean => Float64Array.of(Number.MIN_VALUE, 1.5).reduce((a, b) => a * b) > 0;

const size = 2 ** 20;
/**
 * A decaying mean, and products of denormal numbers on every path: one operator that is vectorised, one that is not.
 */
const decay = program('decay', { inputs: { g: [size], beta: [] }, state: { m: [size] } }, ({ g, beta }, { m }) => ({
  outputs: { rises: m.mul(1e30), product: m.reshape([-1, 256]).sum([1]) },
  state: { m: m.add(g).mul(beta) },
}));

describe.runIf(known)('denormal numbers', () => {
  it('count as zero while a function runs, and no longer', () => {
    const { flushingDenormals } = api;
    expect(flushingDenormals!(hasDenormals)).toBe(false);
    expect(hasDenormals()).toBe(true);
    expect(() =>
      flushingDenormals!(() => {
        throw new Error('stopped');
      }),
    ).toThrow('stopped');
    expect(hasDenormals()).toBe(true);
  });

  it.each([{ threads: 1 }, { threads: 2 }, { threads: 4 }, { threads: 2, offThread: false }])(
    'count as zero on all threads, and stay what they are in JavaScript: %j',
    async (settings) => {
      const runtime = await onnxRuntime({ device: 'cpu', ...settings });
      expect(runtime.flushesDenormals).toBe(true);
      const executable = await runtime.compile(decay);
      expect(hasDenormals()).toBe(true);
      const filled = (value: number) => hostTensor([size], new Float32Array(size).fill(value));
      await executable.writeState({ m: filled(1e-40) });
      const { rises, product } = await executable.run({ g: filled(0), beta: hostTensor([], [0.9]) });
      expect(hasDenormals()).toBe(true);
      const { m } = await executable.readState();
      for (const { data } of [m!, await rises!.read(), await product!.read()]) {
        expect(data.every((value) => value === 0)).toBe(true);
      }
      // Values decaying from the smallest normal numbers become zero at once, and normal ones stay.
      await executable.writeState({ m: filled(1.2e-38) });
      await executable.run({ g: filled(0), beta: hostTensor([], [0.9]) });
      expect((await executable.readState())['m']!.data.every((value) => value === 0)).toBe(true);
      await executable.writeState({ m: filled(1.5e-38) });
      await executable.run({ g: filled(0), beta: hostTensor([], [0.9]) });
      const kept = (await executable.readState())['m']!.data;
      expect(kept.every((value) => Math.abs(value / 1.35e-38 - 1) < 1e-6)).toBe(true);
      await executable.dispose();
    },
  );
});

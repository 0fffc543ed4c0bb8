import { referenceRuntime } from '@flowmap/runtime-reference';
import { gradients, hostTensor, normals, program, UnsupportedError, type HostTensor } from '@flowmap/tensor';
import { describeRuntime } from '@flowmap/tensor/testing';
import { env } from 'onnxruntime-web/wasm';
import { describe, expect, it } from 'vitest';
import { onnxRuntime } from './onnx-runtime.js';

const memories = watchMemories();
const threads = 2;

describeRuntime('onnx runtime in a browser', () => onnxRuntime({ device: 'cpu', threads }), {
  oracle: referenceRuntime,
});

const draw = (purpose: string, shape: readonly number[]): HostTensor => {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return hostTensor(shape, Float32Array.from(normals({ seed: 0, purpose }, size)));
};

/** A training step with products long enough to be divided among threads. */
const descent = program(
  'descent',
  { inputs: { x: [256, 64], y: [256, 32] }, state: { w: [64, 128], v: [128, 32] } },
  ({ x, y }, { w, v }) => {
    const loss = x.matmul(w).silu().matmul(v).sub(y).square().mean();
    const gradient = gradients(loss, { w, v });
    return { outputs: { loss }, state: { w: w.sub(gradient.w.mul(0.1)), v: v.sub(gradient.v.mul(0.1)) } };
  },
);

describe('onnxRuntime in a browser', () => {
  it('gives the same bits in every run with two threads', async () => {
    expect(env.wasm.numThreads).toBe(threads);
    const runtime = await onnxRuntime({ device: 'cpu' });
    const run = async (): Promise<Record<string, HostTensor>> => {
      const executable = await runtime.compile(descent);
      await executable.writeState({ w: draw('w', [64, 128]), v: draw('v', [128, 32]) });
      for (let i = 0; i < 5; i++) await executable.run({ x: draw('x', [256, 64]), y: draw('y', [256, 32]) });
      const state = await executable.readState();
      await executable.dispose();
      return state;
    };
    expect(await run()).toEqual(await run());
  });

  it('holds as much WebAssembly memory after hundreds of steps, and programs, as after some', async () => {
    const runtime = await onnxRuntime({ device: 'cpu' });
    const feeds = { x: draw('x', [256, 64]), y: draw('y', [256, 32]) };
    const take = async (programs: number): Promise<number> => {
      for (let i = 0; i < programs; i++) {
        const executable = await runtime.compile(descent);
        await executable.writeState({ w: draw('w', [64, 128]), v: draw('v', [128, 32]) });
        for (let k = 0; k < 100; k++) (await executable.run(feeds))['loss']!.dispose();
        await executable.dispose();
      }
      return memories.reduce((bytes, memory) => bytes + memory.buffer.byteLength, 0);
    };
    const before = await take(2);
    expect(before).toBeGreaterThan(0);
    // It never shrinks: 48 kB of state kept per step would be 38 MB.
    expect(await take(8)).toBe(before);
  });

  it('refuses another number of threads than the page runs with', async () => {
    expect((await onnxRuntime({ device: 'cpu', threads })).name).toBe('onnx (cpu)');
    const refused = onnxRuntime({ device: 'cpu', threads: 3 });
    await expect(refused).rejects.toThrow(UnsupportedError);
    await expect(refused).rejects.toThrow(/3 threads.*this page's onnxruntime runs with 2/);
  });

  it('refuses what there is only in Node', async () => {
    await expect(onnxRuntime({ device: 'cuda' })).rejects.toThrow(/device 'cuda'.*one of 'auto', 'cpu', 'webgpu'$/);
    await expect(onnxRuntime({ device: 'cpu', profile: 'run' })).rejects.toThrow(/profile in a browser/);
    await expect(onnxRuntime({ device: 'cpu', memoryLimit: 1e9 })).rejects.toThrow(/memory limit in a browser/);
    await expect(onnxRuntime({ device: 'cpu', offThread: true })).rejects.toThrow(/run off the thread in a browser/);
  });
});

interface WasmMemory {
  readonly buffer: { readonly byteLength: number };
}

/** Collects the WebAssembly memories created from now on. */
function watchMemories(): WasmMemory[] {
  const made: WasmMemory[] = [];
  const { WebAssembly } = globalThis as unknown as {
    WebAssembly: { Memory: new (descriptor: object) => WasmMemory };
  };
  WebAssembly.Memory = new Proxy(WebAssembly.Memory, {
    construct(Memory, [descriptor]: [object]) {
      const memory = new Memory(descriptor);
      made.push(memory);
      return memory;
    },
  });
  return made;
}

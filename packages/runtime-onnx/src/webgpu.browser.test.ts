import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, program, RuntimeUnavailableError, type Executable } from '@flowmap/tensor';
import { describeRuntime } from '@flowmap/tensor/testing';
import * as ort from 'onnxruntime-web/jspi';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { GpuDevice } from './host/gpu.js';
import type { Ort } from './load-ort.js';
import { onnxRuntime } from './onnx-runtime.js';

describeRuntime('onnx runtime on WebGPU in a browser', () => onnxRuntime({ device: 'webgpu' }), {
  oracle: referenceRuntime,
});

const count = 16384;
const halving = program('halving', { inputs: { x: [count] }, state: { w: [count] } }, ({ x }, { w }) => ({
  outputs: { sum: w.sum(), twice: w.mul(2) },
  state: { w: w.mul(0.5).add(x) },
}));
const ones = hostTensor([count], new Float32Array(count).fill(1));

async function started(): Promise<Executable> {
  const step = await (await onnxRuntime({ device: 'webgpu' })).compile(halving);
  await step.writeState({ w: ones });
  return step;
}

describe('memory of the GPU', () => {
  afterEach(() => vi.restoreAllMocks());

  it('keeps state and results from run to run', async () => {
    const fed = watchFeeds();
    const step = await started();
    const first = await step.run({ x: ones });
    await first['sum']!.read();
    await step.readState();
    await step.run({ x: first['twice']! });
    expect(fed.filter(({ w }) => w !== undefined)).toEqual([
      { x: 'cpu', w: 'gpu-buffer' },
      { x: 'gpu-buffer', w: 'gpu-buffer' },
    ]);
    expect((await step.readState())['w']!.data).toEqual(new Float32Array(count).fill(2.75));
    await step.dispose();
  });

  it('holds as many buffers after hundreds of runs as after some', async () => {
    const live = countBuffers();
    const step = await started();
    const sizes: number[] = [];
    for (let i = 1; i <= 400; i++) {
      const outputs = await step.run({ x: ones });
      if (i % 10 === 0) await outputs['sum']!.read();
      for (const tensor of Object.values(outputs)) tensor.dispose();
      if (i % 200 === 0) sizes.push(live.size);
    }
    // onnxruntime keeps buffers for reuse; how many depends on how far runs are ahead of the GPU.
    expect(sizes[1]! - sizes[0]!).toBeLessThan(20);
    expect((await step.readState())['w']!.data[0]).toBeCloseTo(2, 6);
    await step.dispose();
  });

  it('takes programs that overlap, one at a time', async () => {
    const steps = await Promise.all(Array.from({ length: 4 }, started));
    const sums = steps.map(async (step) => {
      for (let i = 0; i < 5; i++) await step.run({ x: ones });
      return (await (await step.run({ x: ones }))['sum']!.read()).data[0];
    });
    // w = 2 - 2^-5 after five runs.
    expect(await Promise.all(sums)).toEqual(Array.from({ length: 4 }, () => count * (2 - 2 ** -5)));
    await Promise.all(steps.map((step) => step.dispose()));
  });
});

it('names a device that was lost, whatever was under way', async () => {
  const step = await started();
  const { sum } = await step.run({ x: ones });
  const device = (await ort.env.webgpu.device) as GpuDevice;
  device.destroy();
  await device.lost;
  for (const call of [() => step.run({ x: ones }), () => sum!.read(), () => step.readState()]) {
    await expect(call()).rejects.toThrow(RuntimeUnavailableError);
    await expect(call()).rejects.toThrow(/the GPU was lost \(destroyed.*load the page again.*last checkpoint/);
  }
});

/** Records the locations of the tensors with which sessions created from now on are run. */
function watchFeeds(): Record<'x' | 'w', string | undefined>[] {
  const fed: Record<'x' | 'w', string | undefined>[] = [];
  const create: Ort['InferenceSession']['create'] = ort.InferenceSession.create.bind(ort.InferenceSession);
  const watched: typeof create = async (model, options) => {
    const session = await create(model, options);
    const run = session.run.bind(session);
    vi.spyOn(session, 'run').mockImplementation((feeds) => {
      fed.push({ x: feeds['x']?.location, w: feeds['state:w']?.location });
      return run(feeds);
    });
    return session;
  };
  vi.spyOn(ort.InferenceSession, 'create').mockImplementation(watched);
  return fed;
}

/** The live GPU buffers among those created from now on. */
function countBuffers(): Set<unknown> {
  const live = new Set<unknown>();
  const page = globalThis as unknown as Record<'GPUDevice' | 'GPUBuffer', { prototype: object }>;
  watch(page.GPUDevice.prototype, 'createBuffer', (made) => live.add(made));
  watch(page.GPUBuffer.prototype, 'destroy', (_, destroyed) => live.delete(destroyed));
  return live;
}

/** Calls back after every call of a prototype's method, with its result and the object it was called on. */
function watch(prototype: object, name: string, called: (result: unknown, self: object) => void): void {
  const methods = prototype as Record<string, (this: object, ...args: unknown[]) => unknown>;
  const method = methods[name]!;
  vi.spyOn(methods, name).mockImplementation(function (this: object, ...args: unknown[]) {
    const result = method.apply(this, args);
    called(result, this);
    return result;
  });
}

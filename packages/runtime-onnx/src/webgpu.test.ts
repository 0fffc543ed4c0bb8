import { flowMapFrom, mlp, velocityField, type Model } from '@flowmap/core';
import { ayfEmd } from '@flowmap/objectives';
import { referenceRuntime } from '@flowmap/runtime-reference';
import {
  FeedError,
  hostTensor,
  normals,
  program,
  RuntimeUnavailableError,
  SharingError,
  type Executable,
  type HostTensors,
} from '@flowmap/tensor';
import { describeRuntime } from '@flowmap/tensor/testing';
import { constantSchedule, initialState, logging, memoryStore, objectivePhase, train, trainee } from '@flowmap/train';
import * as ort from 'onnxruntime-node';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { webgpuMissing } from './__fixtures__/webgpu-adapter.js';
import { openDevice } from './device.js';
import { compiled, executables } from './executable.js';
import { onnxRuntime } from './onnx-runtime.js';
import { plainSessions } from './session.js';
import { sessionOptions } from './session-options.js';
import { toOnnx } from './to-onnx.js';

const missing = await webgpuMissing();
const suite = missing === undefined ? describe : describe.skip;

suite(missing === undefined ? 'WebGPU' : `WebGPU, skipped: ${missing}`, () => {
  describeRuntime('onnx runtime on WebGPU', () => onnxRuntime({ device: 'webgpu' }), { oracle: referenceRuntime });

  afterEach(() => vi.restoreAllMocks());

  const count = 16384;
  const halving = program('halving', { inputs: { x: [count] }, state: { w: [count] } }, ({ x }, { w }) => ({
    outputs: { sum: w.sum(), twice: w.mul(2) },
    state: { w: w.mul(0.5).add(x) },
  }));
  const ones = hostTensor([count], new Float32Array(count).fill(1));

  it('keeps state and results on the device from run to run', async () => {
    const opened = await openDevice(ort, 'webgpu');
    const session = await plainSessions(ort)(toOnnx(halving), sessionOptions('webgpu', 'gpu-buffer'));
    const [states, results]: [string[], string[]] = [[], []];
    const run = session.run.bind(session);
    vi.spyOn(session, 'run').mockImplementation(async (feeds) => {
      states.push(feeds['state:w']!.location);
      const given = await run(feeds);
      results.push(...Object.values(given).map((tensor) => tensor.location));
      return given;
    });
    const step = await executables(opened)(halving, undefined, () => compiled(session, opened, halving));
    await step.writeState({ w: ones });
    const { twice } = await step.run({ x: ones });
    await step.readState();
    await step.run({ x: ones });
    await twice!.read();
    await step.run({ x: twice! });
    expect(states).toEqual(['gpu-buffer', 'gpu-buffer', 'gpu-buffer']);
    expect(new Set(results)).toEqual(new Set(['gpu-buffer']));
    expect((await step.readState())['w']!.data).toEqual(new Float32Array(count).fill(2.875));
    await step.dispose();
  });

  it('holds as many buffers after hundreds of runs as after one', async () => {
    const live = countBuffers();
    const step = await started();
    for (let i = 0; i < 300; i++) {
      for (const tensor of Object.values(await step.run({ x: ones }))) tensor.dispose();
      // The state, and what the runtime keeps to wait for the device.
      expect(live.size).toBe(2);
    }
    await step.dispose();
    expect(live.size).toBe(1);
  });

  it('holds a shared state once, and the session that made it', async () => {
    const live = countBuffers();
    const runtime = await onnxRuntime({ device: 'webgpu' });
    const one = await runtime.compile(halving);
    const two = await runtime.compile(halving, { sharing: one });
    await one.writeState({ w: ones });
    for (let i = 0; i < 20; i++) {
      for (const tensor of Object.values(await (i % 2 === 0 ? one : two).run({ x: ones }))) tensor.dispose();
      // The state, and what the runtime keeps to wait for the device.
      expect(live.size).toBe(2);
    }
    await two.dispose();
    expect(live.size).toBe(2);
    await one.dispose();
    expect(live.size).toBe(1);
  });

  it('keeps a shared state that outlives the program which made it', async () => {
    const live = countBuffers();
    const runtime = await onnxRuntime({ device: 'webgpu' });
    let step = await runtime.compile(halving);
    await step.writeState({ w: ones });
    for (let i = 0; i < 20; i++) {
      const next = await runtime.compile(halving, { sharing: step });
      for (const tensor of Object.values(await step.run({ x: ones }))) tensor.dispose();
      await step.dispose();
      step = next;
      expect(live.size).toBe(2);
    }
    expect((await step.readState())['w']!.data[0]).toBeCloseTo(2, 5);
    await step.dispose();
    expect(live.size).toBe(1);
  });

  it('shares states within a device only', async () => {
    const step = await started();
    const cpu = await onnxRuntime({ device: 'cpu' });
    await expect(cpu.compile(halving, { sharing: step })).rejects.toThrow(SharingError);
    const again = await onnxRuntime({ device: 'webgpu' });
    await expect(again.compile(halving, { sharing: step })).rejects.toThrow(SharingError);
    await step.dispose();
  });

  it('holds no more memory after thousands of runs', async () => {
    const step = await started();
    const megabytes: number[] = [];
    for (let i = 1; i <= 4000; i++) {
      for (const tensor of Object.values(await step.run({ x: ones }))) tensor.dispose();
      if (i % 2000 === 0) {
        collectGarbage();
        megabytes.push(process.memoryUsage.rss() / 1e6);
      }
    }
    // On software Vulkan device memory is host memory: one buffer of 64 kB kept per run would be 131 MB.
    expect(megabytes[1]! - megabytes[0]!).toBeLessThan(32);
    await step.dispose();
  });

  it('releases results that were forgotten rather than disposed of', async () => {
    const live = countBuffers();
    const step = await started();
    for (let i = 0; i < 50; i++) await step.run({ x: ones });
    expect(live.size).toBeGreaterThan(50);
    await collected(() => live.size <= 10);
    await step.dispose();
  });

  it('keeps results that outlive their program, disposed of or forgotten later', async () => {
    const live = countBuffers();
    const runtime = await onnxRuntime({ device: 'webgpu' });
    for (let i = 0; i < 20; i++) {
      const step = await runtime.compile(halving);
      await step.writeState({ w: ones });
      const { sum, twice } = await step.run({ x: ones });
      await step.dispose();
      expect((await sum!.read()).data[0]).toBe(count);
      if (i % 2 === 0) for (const tensor of [sum!, twice!]) tensor.dispose();
    }
    expect(live.size).toBeLessThanOrEqual(21);
    await collected(() => live.size <= 10);
  });

  it('refuses a tensor of a device as an input of a program on the CPU', async () => {
    const step = await started();
    const { twice } = await step.run({ x: ones });
    const elsewhere = await (await onnxRuntime({ device: 'cpu' })).compile(halving);
    await elsewhere.writeState({ w: ones });
    await expect(elsewhere.run({ x: twice! })).rejects.toThrow(FeedError);
    // Tensors in host memory can go anywhere.
    const { twice: onHost } = await elsewhere.run({ x: ones });
    const { sum } = await step.run({ x: onHost! });
    expect((await sum!.read()).data[0]).toBe(1.5 * count);
    await step.dispose();
    await elsewhere.dispose();
  });

  it('says that the device failed, with the program, and goes on with another', async () => {
    const runtime = await onnxRuntime({ device: 'webgpu' });
    const large = await runtime.compile(
      program('large', { inputs: { x: [1] } }, ({ x }) => ({ outputs: { y: x.broadcastTo([1e11]).exp() } })),
    );
    const run = large.run({ x: hostTensor([1], [2]) });
    await expect(run).rejects.toThrow(RuntimeUnavailableError);
    await expect(run).rejects.toThrow(/device failed while running program 'large'.*last checkpoint/);
    const step = await started();
    const { sum } = await step.run({ x: ones });
    expect((await sum!.read()).data[0]).toBe(count);
    await step.dispose();
  });

  it('trains as on the CPU: steps of AYF-EMD', async () => {
    const [gpu, cpu] = [await trained('webgpu'), await trained('cpu')];
    // Single precision on both sides, with different orders of summation.
    expect(relativeError(gpu.metrics, cpu.metrics)).toBeLessThan(1e-4);
    for (const [name, { data }] of Object.entries(cpu.state)) {
      expect(relativeError(gpu.state[name]!.data, data), name).toBeLessThan(1e-4);
    }
  });

  async function started(): Promise<Executable> {
    const step = await (await onnxRuntime({ device: 'webgpu' })).compile(halving);
    await step.writeState({ w: ones });
    return step;
  }
});

/** The largest difference relative to the largest of the wanted values. */
function relativeError(got: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let [difference, scale] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    difference = Math.max(difference, Math.abs(got[i]! - wanted[i]!));
    scale = Math.max(scale, Math.abs(wanted[i]!));
  }
  return difference / (scale || 1);
}

/** Collects garbage until a condition holds. */
async function collected(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 20 && !condition(); i++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(condition()).toBe(true);
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

/** The onnxruntime tensors that hold a device buffer, among those created from now on. */
function countBuffers(): Set<symbol> {
  const live = new Set<symbol>();
  const make = ort.Tensor.fromGpuBuffer.bind(ort.Tensor) as (buffer: unknown, options: Owned) => ort.Tensor;
  const counted = (buffer: unknown, options: Owned): ort.Tensor => {
    const id = Symbol('buffer');
    live.add(id);
    return make(buffer, {
      ...options,
      dispose(this: ort.Tensor) {
        live.delete(id);
        options.dispose.call(this);
      },
    });
  };
  vi.spyOn(ort.Tensor, 'fromGpuBuffer').mockImplementation(counted as never);
  return live;
}

interface Owned {
  readonly dispose: (this: ort.Tensor) => void;
}

/** All metrics of some training steps, and the state after them. */
async function trained(device: 'cpu' | 'webgpu'): Promise<{ metrics: number[]; state: HostTensors }> {
  const network = mlp({ shape: [2], classes: 2, width: 32, depth: 2 });
  const params = Object.fromEntries(
    Object.entries(network.init(1)).map(([name, { shape, data }]) => [
      name,
      hostTensor(
        shape,
        Float32Array.from(normals({ seed: 1, purpose: name }, data.length), (x, i) => data[i]! + 0.1 * x),
      ),
    ]),
  );
  const model: Model = { kind: 'velocity', network, params, classes: ['a', 'b'] };
  const teacher = velocityField(model);
  const student = flowMapFrom(model, 2);
  // With intervals that are not short, no gradient is close to its rounding error, which AdamW would amplify.
  const objective = ayfEmd({ preset: 'ayf-paper', warmupSteps: 6 });
  const batchSize = 16;
  const trainees = {
    student: trainee({
      model: student,
      learningRate: constantSchedule(1e-3),
      averages: { ema: constantSchedule(0.9) },
    }),
  };
  const batch = {
    x: Float32Array.from(normals({ seed: 2, purpose: 'data' }, 2 * batchSize)),
    conditions: { label: Int32Array.from({ length: batchSize }, (_, i) => i % 2) },
  };
  // Not from step 0: while the warm-up is at 0, some gradients are pure rounding error.
  const store = memoryStore({ latest: { step: 5, seconds: 0, state: initialState(trainees) }, records: [] });
  await train({
    runtime: await onnxRuntime({ device }),
    trainees,
    phases: [objectivePhase({ network: student.network, objective, teacher, batchSize, seed: 0 })],
    batches: { batchSize, batch: () => Promise.resolve(batch) },
    iterations: 10,
    callbacks: [logging(1)],
    store,
  });
  const metrics = store.records.flatMap(({ seconds: _, imagesPerSecond: __, ...numbers }) => Object.values(numbers));
  return { metrics, state: store.latest!.state };
}

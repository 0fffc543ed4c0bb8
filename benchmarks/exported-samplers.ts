import { compileSampler, dit, uniformGrid, unet, type Model, type Network } from '@flowmap/core';
import { exportOnnx } from '@flowmap/runtime-onnx';
import { hostTensor, normals, sizeOf, type Runtime } from '@flowmap/tensor';
import type * as OnnxRuntime from 'onnxruntime-common';

/** Two ways to sample, with the milliseconds of processor time of each run. */
export interface SamplerTimes {
  readonly ours: number[];
  readonly exported: number[];
}

/** The part of onnxruntime that this needs. */
export type PlainOrt = Pick<typeof OnnxRuntime, 'InferenceSession' | 'Tensor'>;

/** The students that are timed: networks of the other benchmarks, and small ones to try this. */
export function students(small: boolean): Readonly<Record<string, Model>> {
  const interval = true;
  return {
    UNet: drawn(
      unet({ shape: [3, 24, 24], channels: small ? [8] : [32, 64, 128], groupSize: 8, classes: 9, interval }),
    ),
    DiT: drawn(
      dit({
        shape: [3, 32, 32],
        patch: 4,
        ...(small ? { width: 32, depth: 1 } : { width: 256, depth: 8 }),
        classes: 9,
        interval,
      }),
    ),
  };
}

function drawn(network: Network): Model {
  const params = Object.entries(network.parameters).map(([name, { shape }]) => {
    const values = normals({ seed: 0, purpose: name }, sizeOf(shape));
    return [
      name,
      hostTensor(
        shape,
        Float32Array.from(values, (value) => value / 20),
      ),
    ] as const;
  });
  const classes = Array.from({ length: 9 }, (_, i) => String(i));
  return { kind: 'flowMap', network, params: Object.fromEntries(params), classes };
}

/** How samplers are timed. */
export interface TimingOptions {
  readonly threads: number;
  readonly rounds: number;
  readonly runtime: Runtime;
  /** Processor time of the process in milliseconds, which other work on the machine hardly affects. */
  readonly clock: () => number | Promise<number>;
}

/**
 * Times a student's sampler and its exported file in plain onnxruntime, in turn, from noise to samples in host memory.
 */
export async function timeSamplers(
  ort: PlainOrt,
  model: Model,
  { threads, rounds, runtime, clock }: TimingOptions,
): Promise<SamplerTimes> {
  const [count, steps] = [16, 2];
  const times = uniformGrid(steps);
  const shape = [count, ...model.network.config.shape];
  const noise = hostTensor(shape, Float32Array.from(normals({ seed: 0, purpose: 'noise' }, sizeOf(shape))));
  const label = Int32Array.from({ length: count }, (_, i) => i % 9);
  const compiled = await compileSampler(runtime, model, { batchSize: count, stepsPerCall: steps });
  const session = await ort.InferenceSession.create(exportOnnx(model, { steps }).model, { intraOpNumThreads: threads });
  const feeds = {
    noise: new ort.Tensor('float32', noise.data as Float32Array, shape),
    times: new ort.Tensor('float32', times, [steps + 1]),
    label: new ort.Tensor('int32', label, [count]),
  };
  const ways = {
    ours: () => compiled.sample({ noise, conditions: { label }, times }),
    exported: () => session.run(feeds),
  };
  const measured: SamplerTimes = { ours: [], exported: [] };
  for (let round = -2; round < rounds; round++) {
    for (const name of ['ours', 'exported'] as const) {
      const start = await clock();
      await ways[name]();
      const time = (await clock()) - start;
      if (round >= 0) measured[name].push(time);
    }
  }
  await compiled.dispose();
  await session.release();
  return measured;
}

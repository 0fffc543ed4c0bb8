import { samplerProgram, uniformGrid, type Network, type Sampler } from '@flowmap/core';
import { hostTensor, type DeviceTensor, type HostTensor, type HostTensors, type Runtime } from '@flowmap/tensor';
import type { Points } from './messages.js';

/** Draws samples from a network whose weights change. */
export interface PointSampler {
  /** Moves the noise to data in the given number of steps with these weights. */
  sample(params: HostTensors, steps: number): Promise<Points>;
  dispose(): Promise<void>;
}

/**
 * Compiles a one-step sampler, once for any number of steps and any weights.
 *
 * @param sampler a sampler that neither draws noise nor carries anything from step to step
 * @param noise `[count, 2]`, the same for every sample
 */
export async function openSampler(
  runtime: Runtime,
  network: Network,
  sampler: Sampler,
  noise: ArrayLike<number>,
): Promise<PointSampler> {
  const batchSize = noise.length / 2;
  const executable = await runtime.compile(samplerProgram(sampler, { network, batchSize, steps: 1 }));
  const start = hostTensor([batchSize, 2], Float32Array.from(noise));
  return {
    async sample(params, steps) {
      await executable.writeState(params);
      const times = uniformGrid(steps);
      let x: HostTensor | DeviceTensor = start;
      for (let i = 0; i < steps; i++) {
        const next: Record<string, DeviceTensor> = await executable.run({
          x,
          times: hostTensor([2], times.slice(i, i + 2)),
        });
        if ('dispose' in x) x.dispose();
        x = next['x']!;
      }
      if (!('read' in x)) return Float32Array.from(x.data);
      const { data } = await x.read();
      x.dispose();
      return Float32Array.from(data);
    },
    dispose: () => executable.dispose(),
  };
}

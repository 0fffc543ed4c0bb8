import type { Phase, Trainee } from '@flowmap/core';
import { gaussianMixture } from '@flowmap/data';
import {
  gradients,
  hostTensor,
  normalBatch,
  normals,
  sizeOf,
  type HostTensors,
  type Tensor,
  type Tensors,
} from '@flowmap/tensor';
import { adamw } from '../adamw.js';
import { constantSchedule } from '../schedules.js';

// A relativistic pairing GAN with both gradient penalties (R3GAN: Huang, Gokaslan, Kuleshov, Tompkin, 2024), with
// discriminator and generator taking turns on one state.
export const batchSize = 16;
export const data = gaussianMixture({ weights: [1], means: [[1, -0.5]], stds: [0.4], classes: [] });

/** Two layers with `tanh` in between. */
function twoLayers(seed: number, outputs: number): { parameters: Trainee['parameters']; initial: HostTensors } {
  const shapes = { in: [2, 8], bias: [1, 8], out: [8, outputs] };
  const values = Object.entries(shapes).map(([name, shape]) => {
    const drawn = normals({ seed, purpose: name }, sizeOf(shape));
    return [
      name,
      hostTensor(
        shape,
        Float32Array.from(drawn, (value) => 0.5 * value),
      ),
    ] as const;
  });
  const specs = Object.entries(shapes).map(([name, shape]) => [name, { shape, dtype: 'float32' }] as const);
  return { parameters: Object.fromEntries(specs), initial: Object.fromEntries(values) };
}
const layers = (params: Tensors, x: Tensor): Tensor =>
  x.matmul(params['in']!).add(params['bias']!).tanh().matmul(params['out']!);

export const trainees = {
  generator: {
    ...twoLayers(1, 2),
    optimizer: adamw({ beta1: 0 }),
    learningRate: constantSchedule(5e-3),
    averages: { ema: constantSchedule(0.9), slow: constantSchedule(0.99), slower: constantSchedule(0.999) },
  },
  discriminator: {
    ...twoLayers(2, 1),
    optimizer: adamw({ beta1: 0 }),
    learningRate: constantSchedule(1e-2),
    averages: {},
  },
} satisfies Record<string, Trainee>;

const inputs = { x: [batchSize, 2], z: [batchSize, 2] };
const feedsOf =
  (purpose: string): Phase['feeds'] =>
  (progress, batch) => {
    const shape = [batch.x.length / 2, 2];
    return {
      x: hostTensor(shape, batch.x),
      z: hostTensor(shape, normalBatch({ seed: 0, purpose, step: progress.step }, shape)),
    };
  };
export const discriminatorPhase: Phase = {
  name: 'discriminator',
  trains: 'discriminator',
  reads: ['generator'],
  inputs,
  feeds: feedsOf('discriminator'),
  trace({ inputs, groups }) {
    const D = (x: Tensor): Tensor => layers(groups['discriminator']!, x);
    const [real, fake] = [inputs['x']!, layers(groups['generator']!, inputs['z']!)];
    // R1 and R2: the mean over samples of || dD/dx ||^2, at the data and at generated points.
    const penalty = (x: Tensor): Tensor => {
      const [slope] = gradients(D(x).sum(), [x]);
      return slope!.square().sum().mul(1 / x.shape[0]!);
    };
    const [r1, r2] = [penalty(real), penalty(fake)];
    const loss = D(fake).sub(D(real)).softplus().mean().add(r1.add(r2).mul(0.05));
    return { loss, metrics: { r1, r2 } };
  },
};
export const generatorPhase: Phase = {
  name: 'generator',
  trains: 'generator',
  reads: ['discriminator'],
  every: 2,
  inputs,
  feeds: feedsOf('generator'),
  trace({ inputs, groups }) {
    const D = (x: Tensor): Tensor => layers(groups['discriminator']!, x);
    const fake = layers(groups['generator']!, inputs['z']!);
    return { loss: D(inputs['x']!).sub(D(fake)).softplus().mean(), metrics: { mean: fake.mean() } };
  },
};

import { gaussianVelocity, loader, mlp, type Loader, type Model, type Phase, type Trainee } from '@flowmap/core';
import { gaussianMixture } from '@flowmap/data';
import { ayfEmd } from '@flowmap/objectives';
import { hostTensor, normals, sizeOf, type HostTensors, type TensorSpec } from '@flowmap/tensor';
import { adamw, constantSchedule, objectivePhase, trainee } from '@flowmap/train';
import { discriminatorTrainee } from '../discriminator-trainee.js';
import { mlpDiscriminator } from '../mlp-discriminator.js';

/** A flow map of points in the plane, an objective that holds it to its teacher, and a discriminator. */
export const batchSize = 8;
export const network = mlp({ shape: [2], interval: true, width: 6, depth: 1 });
export const student: Model = { kind: 'flowMap', network, params: filled(network.parameters, 1), classes: [] };
export const objective: Phase = objectivePhase({
  network,
  objective: ayfEmd(),
  teacher: gaussianVelocity({ std: 0.5 }),
  batchSize,
  seed: 0,
});
export const discriminator = mlpDiscriminator({ shape: [2], width: 8, depth: 1 });
export const data = gaussianMixture({ weights: [1], means: [[1, -0.5]], stds: [0.4], classes: [] });
export const batches = (): Loader => loader(data, { batchSize, seed: 0 });

export function toyTrainees(rates: { student?: number; discriminator?: number } = {}): Record<string, Trainee> {
  const optimizer = adamw({ beta1: 0 });
  const { student: rate = 1e-3, discriminator: other = 2e-3 } = rates;
  return {
    student: trainee({ model: student, optimizer, learningRate: constantSchedule(rate) }),
    discriminator: discriminatorTrainee(discriminator, { optimizer, learningRate: other, seed: 3 }),
  };
}

/** Normal numbers for every parameter, so that nothing is zero at the start. */
export function filled(parameters: Readonly<Record<string, TensorSpec>>, seed: number): HostTensors {
  const values = Object.entries(parameters).map(([name, { shape }]) => {
    const drawn = normals({ seed, purpose: name }, sizeOf(shape));
    return [name, hostTensor(shape, Float32Array.from(drawn, (z) => 0.4 * z))] as const;
  });
  return Object.fromEntries(values);
}

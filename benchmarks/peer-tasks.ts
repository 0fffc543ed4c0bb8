import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  classCount,
  dit,
  encodeSafetensors,
  mlp,
  uniformGrid,
  unet,
  type Batch,
  type Network,
  type Phase,
  type Trainee,
} from '@flowmap/core';
import { forwardFlops } from '@flowmap/example-common';
import { ayfEmd } from '@flowmap/objectives';
import { hostTensor, normals, sizeOf, uniforms, type HostTensor, type HostTensors } from '@flowmap/tensor';
import { adamw, constantSchedule, objectivePhase, phaseFeeds, trainee } from '@flowmap/train';

/** A task that Flowmap and the peers train and sample. */
export interface PeerTask {
  readonly name: string;
  readonly network: Network;
  readonly batchSize: number;
}

/** Numbers that a step is given rather than computing them, the same for all. */
export const settings = {
  r: 0.99,
  /** As large as AYF-EMD requires for samples of two values without a teacher. */
  c: 10,
  learningRate: 1e-4,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  emaDecay: 0.999,
};

const { c, beta1, beta2, epsilon } = settings;
/** Times of the sampler's four steps. */
export const times = uniformGrid(4);

/** The tasks; the small ones test a set-up and say nothing about speed. */
export function peerTasks(small: boolean): Readonly<Record<string, PeerTask>> {
  const image = { shape: [3, 32, 32], classes: 10, interval: true };
  const points = { shape: [2], interval: true };
  return small
    ? {
        mlp: { name: 'small MLP', network: mlp({ ...points, width: 32, depth: 2 }), batchSize: 64 },
        dit: { name: 'small DiT', network: dit({ ...image, width: 32, depth: 2 }), batchSize: 4 },
        unet: { name: 'small UNet', network: unet({ ...image, channels: [16, 32] }), batchSize: 4 },
      }
    : {
        mlp: { name: 'MLP', network: mlp({ ...points, width: 256, depth: 4 }), batchSize: 4096 },
        dit: { name: 'DiT', network: dit({ ...image, width: 256, depth: 8 }), batchSize: 32 },
        unet: { name: 'UNet', network: unet({ ...image, channels: [80, 160, 320] }), batchSize: 32 },
      };
}

/** A row's description: size of the network and the batch. */
export function describeTask({ name, network, batchSize }: PeerTask): string {
  const { type, shape, ...sizes } = network.config as unknown as Record<string, unknown> & Network['config'];
  const shown = ['width', 'depth', 'channels']
    .filter((key) => key in sizes)
    .map((key) => `${key} ${String((sizes as Record<string, unknown>)[key]).replaceAll(',', '/')}`);
  const millions = (parameterCount(network) / 1e6).toFixed(2);
  return `${name}: ${type}, ${shown.join(', ')}, ${millions} million parameters, samples of ${shape.join(' x ')}, batch ${batchSize}`;
}

export function parameterCount(network: Network): number {
  return Object.values(network.parameters).reduce((total, { shape }) => total + sizeOf(shape), 0);
}

/**
 * Floating-point operations of a training step, or of four steps of the sampler, which has as many: four times
 * those of the forward pass.
 */
export function taskFlops({ network, batchSize }: PeerTask): number {
  return 4 * forwardFlops(network, batchSize);
}

/**
 * Parameters to start from: the network's own, but normal numbers where it starts at zero, since an untrained network
 * is the zero field and hides mistakes.
 */
export function initialParams({ network }: PeerTask): HostTensors {
  return Object.fromEntries(
    Object.entries(network.init(0)).map(([name, value]): [string, HostTensor] => {
      if (value.data.some((x) => x !== 0)) return [name, value];
      const drawn = normals({ seed: 1, purpose: name }, value.data.length);
      return [
        name,
        hostTensor(
          value.shape,
          Float32Array.from(drawn, (x) => 0.02 * x),
        ),
      ];
    }),
  );
}

/** What a task trains, and how. */
export function taskTraining(task: PeerTask): { readonly student: Trainee; readonly phase: Phase } {
  const { network, batchSize } = task;
  const student = trainee({
    model: { kind: 'flowMap', network, params: initialParams(task), classes: [] },
    learningRate: constantSchedule(settings.learningRate),
    optimizer: adamw({ beta1, beta2, epsilon }),
    averages: { ema: constantSchedule(settings.emaDecay) },
  });
  const objective = ayfEmd({ teacher: false, c });
  return { student, phase: objectivePhase({ network, objective, batchSize, seed: 0 }) };
}

/** The inputs of training step `step`, with fresh noise and times. */
export function stepFeeds(
  { student, phase }: ReturnType<typeof taskTraining>,
  batch: Batch,
  step: number,
): HostTensors {
  const feeds = phaseFeeds(phase, student, { step, iterations: Infinity }, batch);
  return { ...feeds, 'schedules.r': hostTensor([], [settings.r]) };
}

/** The data of every step. */
export function taskBatch({ network, batchSize }: PeerTask): Batch {
  const { shape } = network.config;
  const classes = classCount(network);
  const label = Int32Array.from({ length: batchSize }, (_, i) => i % classes);
  return {
    x: Float32Array.from(uniforms({ seed: 0, purpose: 'data' }, batchSize * sizeOf(shape)), (u) => 2 * u - 1),
    conditions: classes === 0 ? {} : { label },
  };
}

/** Writes what a peer needs to compute the same into a new folder. */
export async function writeTask(task: PeerTask, folder: string): Promise<void> {
  const feeds = stepFeeds(taskTraining(task), taskBatch(task), 0);
  const { x0, noise, t, s, 'conditions.label': label } = feeds;
  const params = Object.entries(initialParams(task)).map(([name, value]) => {
    return [`params.${name}`, name.endsWith('.qkv.bias') ? withKeyBias(value) : value] as const;
  });
  const tensors = { ...Object.fromEntries(params), x0: x0!, noise: noise!, t: t!, s: s!, ...(label ? { label } : {}) };
  await mkdir(folder);
  await writeFile(join(folder, 'task.safetensors'), encodeSafetensors(tensors));
  const described = { config: task.network.config, times: Array.from(times), settings };
  await writeFile(join(folder, 'task.json'), JSON.stringify(described));
}

/** The peers also have a bias for keys, which has no effect. */
function withKeyBias({ data }: HostTensor): HostTensor {
  const width = data.length / 2;
  const whole = new Float32Array(3 * width);
  whole.set(data.subarray(0, width));
  whole.set(data.subarray(width), 2 * width);
  return hostTensor([3 * width], whole);
}

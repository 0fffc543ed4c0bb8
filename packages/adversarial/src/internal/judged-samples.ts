import {
  flowMap,
  hostTensor,
  normalBatch,
  parametrizationOf,
  prefixed,
  requireConditions,
  uniforms,
  uniformGrid,
  withPrefix,
  type Batch,
  type ConditionSpec,
  type Progress,
} from '@flowmap/core';
import { full, sizeOf, type HostTensor, type HostTensors, type Shape, type SpecLike } from '@flowmap/tensor';
import type { Tensor, Tensors } from '@flowmap/tensor';
import type { Judgement } from '../discriminator.js';
import type { Setting } from './setting.js';

/** Data and generated samples of a phase, with the discriminator's judgement of each. */
export interface JudgedSamples {
  readonly real: Tensor;
  readonly fake: Tensor;
  /** Judges samples, with the augmentation of their side. */
  judge(params: Tensors, x: Tensor, side: 'real' | 'fake'): Judgement;
}

/** Prefix of the inputs. */
const PREFIX = 'adversarial';

/** Random numbers of the augmentation of each side. */
const augmentationOf = (side: 'real' | 'fake'): string => `augmentation.${side}`;

/** Inputs of a phase that judges samples: data, the noise of generated samples, conditions and draws. */
export function judgedInputs(setting: Setting): Record<string, SpecLike> {
  const { student, steps, augmentation, batchSize } = setting;
  const { shape } = student.network.config;
  const rows = (extents: Shape): SpecLike => [batchSize, ...extents];
  const draws = Object.fromEntries(
    Object.entries(augmentation?.draws ?? {}).map(([name, extents]) => [name, rows(extents)]),
  );
  const conditions = Object.entries(conditionsOf(setting)).map(([name, spec]) => {
    return [name, { shape: [batchSize, ...spec.shape], dtype: spec.dtype }] as const;
  });
  return withPrefix<SpecLike>(PREFIX, {
    real: rows(shape),
    noise: rows(shape),
    ...(steps.from < steps.to ? { times: rows([steps.to + 1]) } : {}),
    ...withPrefix<SpecLike>('conditions', Object.fromEntries(conditions)),
    ...withPrefix(augmentationOf('real'), draws),
    ...withPrefix(augmentationOf('fake'), draws),
  });
}

/**
 * Values of these inputs, the same for the same phase, step and batch.
 *
 * @param phase its name, so that each phase has its own draws
 */
export function judgedFeeds(setting: Setting, phase: string, { step }: Progress, batch: Batch): HostTensors {
  const { student, steps, augmentation, seed } = setting;
  const { shape } = student.network.config;
  const count = batch.x.length / sizeOf(shape);
  const points = [count, ...shape];
  const drawn = (purpose: string, extents: Shape): HostTensor => {
    const key = { seed, purpose: `${phase} ${purpose}`, step };
    return hostTensor([count, ...extents], Float32Array.from(uniforms(key, count * sizeOf(extents))));
  };
  const draws = (side: 'real' | 'fake'): HostTensors =>
    Object.fromEntries(
      Object.entries(augmentation?.draws ?? {}).map(([name, extents]) => [name, drawn(`${side} ${name}`, extents)]),
    );
  return withPrefix<HostTensor>(PREFIX, {
    real: hostTensor(points, batch.x),
    noise: hostTensor(points, normalBatch({ seed, purpose: `${phase} noise`, step }, points)),
    ...(steps.from < steps.to ? { times: gridsOf(steps, drawn('steps', []).data) } : {}),
    ...withPrefix('conditions', requireConditions('batch.conditions', conditionsOf(setting), batch.conditions, count)),
    ...withPrefix(augmentationOf('real'), draws('real')),
    ...withPrefix(augmentationOf('fake'), draws('fake')),
  });
}

/**
 * Traces data and generated samples.
 *
 * @param params the student's
 * @param inputs the phase's
 */
export function judgedSamples(setting: Setting, params: Tensors, inputs: Tensors): JudgedSamples {
  const { student, discriminator, augmentation, steps, batchSize } = setting;
  const own = prefixed(PREFIX, inputs);
  const conditions = prefixed('conditions', own);
  const taken = (specs: Readonly<Record<string, unknown>>): Tensors =>
    Object.fromEntries(Object.entries(conditions).filter(([name]) => Object.hasOwn(specs, name)));
  const map = flowMap(student.network, params, {
    conditions: taken(student.network.conditions),
    parametrization: parametrizationOf(student),
  });
  const grid = uniformGrid(steps.to);
  const timeAt = (i: number): Tensor =>
    own['times']?.slice([0, i], [batchSize, i + 1]).reshape([batchSize]) ?? full(grid[i]!, [batchSize]);
  let fake = own['noise']!;
  for (let i = 0; i < steps.to; i++) fake = map.map(fake, timeAt(i), timeAt(i + 1));

  return {
    real: own['real']!,
    fake,
    judge(judgeParams, x, side) {
      const seen = augmentation?.apply(x, prefixed(augmentationOf(side), own)) ?? x;
      return discriminator.apply(judgeParams, { x: seen, conditions: taken(discriminator.conditions) });
    },
  };
}

/** Conditions of the student, which include those of the discriminator. */
function conditionsOf({ student }: Setting): Readonly<Record<string, ConditionSpec>> {
  return student.network.conditions;
}

/** Uniform grids with a random number of steps for each sample; samples that have arrived stay at time 0. */
function gridsOf({ from, to }: Setting['steps'], draws: ArrayLike<number>): HostTensor {
  const grids = Array.from(draws, (u) => {
    const steps = from + Math.floor(u * (to - from + 1));
    return [...uniformGrid(steps), ...new Array<number>(to - steps).fill(0)];
  });
  return hostTensor([grids.length, to + 1], Float32Array.from(grids.flat()));
}

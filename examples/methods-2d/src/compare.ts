import { join } from 'node:path';
import {
  compileSampler,
  euler,
  flowMapFrom,
  hostTensor,
  mlp,
  normalBatch,
  uniformGrid,
  type Dataset,
  type Model,
  type PathName,
  type Sampler,
} from '@flowmap/core';
import { checkerboard, eightGaussians, spirals, twoMoons, withoutClasses } from '@flowmap/data';
import { features, slicedWasserstein } from '@flowmap/eval';
import { flowMatching, type ObjectiveName } from '@flowmap/objectives';
import type { HostTensor, Runtime } from '@flowmap/tensor';
import { NonFiniteError } from '@flowmap/train';
import { distill, trainVelocityField, type TrainResult } from '@flowmap/train/node';
import { interruptible, type CommandContext } from 'flowmap/node';
import { methodNamed } from './methods.js';

/** Distributions of points by name. */
export const DATA = {
  checkerboard,
  'two-moons': twoMoons,
  spirals,
  'eight-gaussians': eightGaussians,
} satisfies Record<string, (options: { readonly seed: number }) => Dataset>;

export type DataName = keyof typeof DATA;

/** Numbers of steps that samples are taken in. */
export const STEPS = [1, 2, 4, 8, 16] as const;

/** What is compared, and how it is trained. */
export interface Comparison {
  readonly methods: readonly ObjectiveName[];
  readonly iterations: number;
  readonly teacherIterations: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly teacherLearningRate: number;
  readonly width: number;
  readonly depth: number;
  /** Samples, of the methods and of the data, whose distance is measured. */
  readonly samples: number;
  readonly seed: number;
  readonly runtime: Runtime;
  /** Where trainings are kept; those that are finished are loaded. */
  readonly folder: string;
}

/** A method's samples of each number of steps, and how far they are from the data. */
export interface Row {
  readonly name: string;
  readonly sampler: string;
  readonly path: PathName;
  /** Seconds of its training; none if it failed. */
  readonly seconds?: number;
  /** Sliced Wasserstein-2 distances; none if its training failed. */
  readonly distances: readonly number[];
  readonly failure?: string;
}

/** The rows of one distribution, and the points of each. */
export interface Rows {
  readonly data: DataName;
  /** Distance of two sets of the data. */
  readonly floor: number;
  readonly rows: readonly Row[];
  readonly points: ReadonlyMap<string, readonly HostTensor[]>;
}

/**
 * Trains a teacher on each path that is needed, distils it by each method from the same start and for the same number of
 * steps, and measures the samples of all.
 *
 * @throws the signal's reason when it fires, with everything saved
 */
export async function compareOn(name: DataName, comparison: Comparison, context: CommandContext): Promise<Rows> {
  const { samples: count, seed } = comparison;
  const data = withoutClasses(DATA[name]({ seed }));
  const reference = await drawn(name, seed + 1, count);
  const floor = distanceTo(reference, await drawn(name, seed + 2, count));
  const rows: Row[] = [];
  const points = new Map<string, readonly HostTensor[]>();
  const measured = async (
    row: Pick<Row, 'name' | 'path'>,
    { completed, model, log }: TrainResult,
    sampler: Sampler,
  ): Promise<Model> => {
    if (!completed) throw context.signal.reason;
    const sets = await samplesOf(model, sampler, comparison, context.signal);
    const distances = sets.map((set) => distanceTo(reference, set));
    rows.push({ ...row, sampler: sampler.name, seconds: Math.round(log.at(-1)!.seconds), distances });
    points.set(row.name, sets);
    return model;
  };

  const teachers = new Map<PathName, Model>();
  const teacherOn = async (path: PathName): Promise<Model> => {
    const known = teachers.get(path);
    if (known !== undefined) return known;
    const result = await trainTeacher(data, path, join(comparison.folder, name), comparison, context);
    const model = await measured({ name: `teacher, ${path} path`, path }, result, euler());
    teachers.set(path, model);
    return model;
  };

  for (const method of comparison.methods) {
    const { objective, path, startingFrom, sampler } = methodNamed(method);
    const teacher = await teacherOn(path);
    const student = flowMapFrom(teacher, seed, startingFrom);
    const { iterations, learningRate } = comparison;
    const out = join(comparison.folder, name, method);
    const training = { teacher, student, objective, iterations, learningRate, out };
    try {
      await measured(
        { name: method, path },
        await distill({ ...common(data, comparison, context), ...training }),
        sampler,
      );
    } catch (error) {
      if (!(error instanceof NonFiniteError)) throw error;
      rows.push({ name: method, path, sampler: sampler.name, distances: [], failure: error.message });
    }
  }
  return { data: name, floor, rows, points };
}

function common(
  data: Dataset,
  { runtime, batchSize, seed }: Comparison,
  { signal, progress = 'auto' }: CommandContext,
) {
  const onData = (): void => undefined; // the data is made here
  return { runtime, data, batchSize, seed, signal, progress, whenFinished: 'load', onData } as const;
}

function trainTeacher(
  data: Dataset,
  path: PathName,
  folder: string,
  comparison: Comparison,
  context: CommandContext,
): Promise<TrainResult> {
  const { teacherIterations, teacherLearningRate, width, depth } = comparison;
  return trainVelocityField({
    ...common(data, comparison, context),
    network: mlp({ shape: [2], width, depth }),
    path,
    objective: flowMatching(),
    iterations: teacherIterations,
    learningRate: teacherLearningRate,
    out: join(folder, `teacher-${path}`),
  });
}

/** Points of a distribution. */
async function drawn(name: DataName, seed: number, count: number): Promise<HostTensor> {
  const { x } = await DATA[name]({ seed }).batch(Array.from({ length: count }, (_, i) => i));
  return hostTensor([count, 2], x);
}

/** A model's samples in each number of steps, all from the same noises. */
async function samplesOf(
  model: Model,
  sampler: Sampler,
  { samples: count, seed, runtime }: Comparison,
  signal: AbortSignal,
): Promise<HostTensor[]> {
  const noise = hostTensor([count, 2], normalBatch({ seed, purpose: 'evaluation' }, [count, 2]));
  const compiled = await compileSampler(interruptible(runtime, signal), model, {
    sampler,
    batchSize: Math.min(count, 1000),
  });
  try {
    const sets: HostTensor[] = [];
    for (const steps of STEPS) sets.push(await compiled.sample({ noise, times: uniformGrid(steps), seed }));
    return sets;
  } finally {
    await compiled.dispose();
  }
}

/** Directions of the sliced distance. */
const DIRECTIONS = 64;

function distanceTo(reference: HostTensor, points: HostTensor): number {
  return slicedWasserstein(features(points), features(reference), { directions: DIRECTIONS }).value;
}

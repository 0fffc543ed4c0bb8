import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { consistency, flowMapFrom, flowMapSampler, type Dataset, type Model, type Sampler } from '@flowmap/core';
import { objectiveNamed } from '@flowmap/objectives';
import type { Runtime } from '@flowmap/tensor';
import { distill, type DistillOptions } from '@flowmap/train/node';
import { once } from './once.js';
import { onTrigonometricPath } from './on-trigonometric-path.js';

/** A way to a student: objectives one after another, which share the time. */
export const METHODS = {
  'ayf-emd': ['ayf-emd'],
  'ayf-lmd': ['ayf-lmd'],
  scd: ['scd'],
  'mean-flow': ['mean-flow'],
  'cmt-then-ayf-emd': ['cmt', 'ayf-emd'],
} as const;

export type MethodName = keyof typeof METHODS;

/** What all methods have in common. */
export interface MethodTraining {
  readonly runtime: Runtime;
  readonly data: Dataset;
  /** On the linear path. */
  readonly teacher: Model;
  /** Processor time of a method's training, in minutes over all threads. */
  readonly minutes: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly flip: boolean;
  readonly seed: number;
  /** Where trainings are kept; those that are finished are loaded. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly progress: NonNullable<DistillOptions['progress']>;
}

/** A student and how it came to be. */
export interface TrainedStudent {
  readonly model: Model;
  /** Along the flow map, or, for a model that only leads to data, by `consistency()`. */
  readonly sampler: Sampler;
  /** Steps of each objective. */
  readonly iterations: readonly number[];
}

/**
 * Trains a student for so many steps as take the given processor time, which a few steps beforehand tell. Interrupted and
 * called again, it takes as many steps as it meant to at first.
 *
 * @throws the signal's reason when it fires, with everything saved
 */
export async function trainMethod(name: MethodName, training: MethodTraining): Promise<TrainedStudent> {
  const { minutes, seed, folder, signal, teacher: linear, ...common } = training;
  const onTrigonometric = name === 'scd';
  const teacher = onTrigonometric ? onTrigonometricPath(linear) : linear;
  const stages = METHODS[name];
  let student = flowMapFrom(teacher, seed);
  const iterations: number[] = [];
  for (const stage of stages) {
    const out = join(folder, name, stage);
    const options = { ...common, signal, seed, teacher, student, objective: objectiveNamed(stage) };
    const count = await stepsIn((minutes * 60) / stages.length, options, `${out}.json`);
    const result = await distill({ ...options, onData: told, iterations: count, whenFinished: 'load', out });
    if (!result.completed) throw signal.reason;
    student = result.model;
    iterations.push(count);
  }
  return { model: student, sampler: onTrigonometric ? consistency() : flowMapSampler(), iterations };
}

/** The data has already been described. */
const told = (): void => undefined;

/** Steps that are timed, and those before, which warm up. */
const [TIMED, WARM] = [10, 3];

/** Number of steps that take so many seconds of processor time; noted in a file, and read from it the next time. */
async function stepsIn(
  seconds: number,
  options: Omit<DistillOptions, 'iterations' | 'out'>,
  file: string,
): Promise<number> {
  const out = file.replace(/\.json$/, '-timing');
  const secondsPerStep = await once(file, { batchSize: options.batchSize }, () => timeSteps({ ...options, out }));
  return Math.max(1, Math.round(seconds / secondsPerStep));
}

/** Seconds of processor time of a step. */
async function timeSteps(options: Omit<DistillOptions, 'iterations'> & { readonly out: string }): Promise<number> {
  await rm(options.out, { recursive: true, force: true }); // of an interrupted run, some of whose steps were not timed
  const times: number[] = [];
  const result = await distill({
    ...options,
    onData: told,
    iterations: WARM + TIMED,
    progress: 'none',
    callbacks: [
      {
        name: 'clock',
        every: 1,
        async run(moment) {
          await moment.record();
          const { user, system } = process.cpuUsage();
          times.push((user + system) / 1e6);
        },
      },
    ],
  });
  if (!result.completed) throw options.signal!.reason;
  return (times.at(-1)! - times.at(-1 - TIMED)!) / TIMED;
}

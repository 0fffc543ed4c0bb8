import { join } from 'node:path';
import { matchClasses, normalBatch, type Callback, type Dataset, type Model } from '@flowmap/core';
import { evaluation } from '@flowmap/eval';
import { hostTensor } from '@flowmap/tensor';
import { labelsOf } from './distances.js';
import type { ExampleRun } from './example-run.js';
import { conditionsAt } from './guidance.js';
import { openJudge } from './judge.js';

/** Name under which the model with the lowest distance is kept. */
const BEST = 'best';

/** Evaluations that are ready for a training. */
export interface TrainingEvaluation {
  readonly callbacks: readonly Callback[];
  /** Steps between records, so that each evaluation is logged. */
  readonly logEvery: number;
  dispose(): Promise<void>;
}

/**
 * Prepares the measurements of the averaged student in training: the distance of its samples from the data, by the
 * features of EfficientNet-Lite0. The model whose distance is lowest in the largest number of sampling steps is kept as
 * `kept/best.safetensors`.
 *
 * @param options.folder folder of the run, for the data's statistics if the example comes without
 *   them
 * @param options.student what is trained
 * @returns undefined if the run does not evaluate in training
 */
export async function openTrainingEvaluation(
  run: ExampleRun,
  { folder, student }: { folder: string; student: Model },
): Promise<TrainingEvaluation | undefined> {
  const { evaluations, distances, runtime, data, signal } = run;
  if (evaluations === undefined) return undefined;
  const { every, steps, samples: count } = evaluations;
  const statistics = distances?.statistics ?? join(folder, 'statistics.safetensors');
  const judge = await openJudge({ runtime, data, samples: count, statistics, signal });
  const { shape } = student.network.config;
  return {
    callbacks: [
      evaluation({
        ...{ name: 'distance', every, steps, average: 'ema', batchSize: Math.min(64, count) },
        noise: hostTensor([count, ...shape], normalBatch({ seed: 0, purpose: 'evaluation' }, [count, ...shape])),
        conditions: await conditionsOf(data, student, count, run.guidance?.scale ?? 1),
        metric: async (samples) => (await judge.judge(samples)).distance,
        keepBest: { name: BEST, steps: Math.max(...steps) },
      }),
    ],
    logEvery: logEveryOf(run.student.iterations, every),
    dispose: () => judge.dispose(),
  };
}

/** The labels and the scale of guidance for the samples of a student. */
async function conditionsOf(
  data: Dataset,
  student: Model,
  count: number,
  scale: number,
): Promise<Readonly<Record<string, Int32Array | Float32Array>>> {
  const label = student.classes.length > 0 ? await labelsOf(matchClasses(data, student).data, count) : undefined;
  return { ...(label ? { label } : {}), ...conditionsAt(student.network, scale, count) };
}

/** About 200 records, with one after each evaluation. */
function logEveryOf(iterations: number, every: number): number {
  let steps = Math.max(1, Math.min(every, Math.floor(iterations / 200)));
  while (every % steps !== 0) steps--;
  return steps;
}

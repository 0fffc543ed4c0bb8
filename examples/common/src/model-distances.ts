import { euler, flowMapSampler, matchClasses, type Dataset, type Model } from '@flowmap/core';
import {
  openRuntime,
  positive,
  requiredPath,
  whole,
  wholes,
  RUNTIME_OPTIONS,
  type CommandContext,
  type Config,
} from 'flowmap/node';
import { labelsOf } from './distances.js';
import { sampleFixedNoises } from './evaluate.js';
import { atScale } from './guidance.js';
import { openJudge } from './judge.js';

/** Options of a command that measures the distances of a model. */
export const MODEL_DISTANCE_OPTIONS = {
  model: requiredPath('checkpoint of a teacher or a student', 'FILE'),
  steps: wholes('numbers of steps', [1, 2, 4]),
  samples: whole('samples whose distance is measured, and from 2,000 on their recall', 2000, 2),
  guidance: positive('scale of guidance of a student that takes one', 1),
  ...RUNTIME_OPTIONS,
};

/** What a model is compared with. */
export interface ModelDistances {
  readonly model: Model;
  readonly data: Dataset;
  /** File of the data's statistics; written if it is missing. */
  readonly statistics: string;
}

/** Prints how far the samples of a model are from data, and how much of it they cover, step count by step count. */
export async function printModelDistances(
  { model: given, data, statistics }: ModelDistances,
  options: Config<typeof MODEL_DISTANCE_OPTIONS>,
  { print, signal }: CommandContext,
): Promise<void> {
  const model = atScale(given, options.guidance);
  const runtime = await openRuntime(options);
  const judge = await openJudge({ runtime, data, samples: options.samples, statistics, signal });
  try {
    const labels = await labelsOf(matchClasses(data, model).data, options.samples);
    const sampler = model.kind === 'flowMap' ? flowMapSampler() : euler();
    const common = { runtime, signal, count: options.samples, ...(labels ? { labels } : {}) };
    for (const steps of options.steps) {
      const [samples] = await sampleFixedNoises(model, sampler, [steps], common);
      const { distance, recall, protocol } = await judge.judge(samples!);
      if (steps === options.steps[0]) print(protocol);
      const covered = recall === undefined ? '' : `, recall ${recall.toFixed(4)}`;
      print(`${steps} ${steps === 1 ? 'step' : 'steps'}: distance ${distance.toFixed(2)}${covered}`);
    }
  } finally {
    await judge.dispose();
  }
}

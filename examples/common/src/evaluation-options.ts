import { whole, wholes, type Config } from 'flowmap/node';
import type { ExampleRun } from './example-run.js';

/** Options of evaluations in training. */
export const EVALUATION_OPTIONS = {
  evaluateEvery: whole(
    'steps of the distillation after which the distance of its averaged student is measured; the best one is kept; not in training unless given',
    null,
  ),
  evaluateSteps: wholes('numbers of steps of these samples; the best student is that of the most', [1, 4]),
  evaluateSamples: whole('samples in each number of steps', 1000, 2),
};

/** The evaluations in training that the options describe. */
export function evaluationsOf(options: Config<typeof EVALUATION_OPTIONS>): Pick<ExampleRun, 'evaluations'> {
  const { evaluateEvery: every, evaluateSteps: steps, evaluateSamples: samples } = options;
  return every === null ? {} : { evaluations: { every, steps, samples } };
}

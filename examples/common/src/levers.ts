import { ConfigError, type Objective } from '@flowmap/core';
import {
  choice,
  type DISTILLATION_OPTIONS,
  distillationOf,
  flag,
  pathOr,
  positive,
  requireUnread,
  whole,
  type Config,
} from 'flowmap/node';
import type { ExampleRun, TeacherSource } from './example-run.js';
import { loadStudent } from './run-folder.js';

/** Options of guidance and of finetuning. */
export const LEVER_OPTIONS = {
  guidance: positive('scale of autoguidance by the weak teacher, at least 1; no guidance unless given', null),
  guidanceUpTo: positive(
    'draw the scale from 1 to this for each sample, as a condition of the student, which is compared at --guidance; one scale for all unless given',
    null,
  ),
  guidanceUntil: positive(
    'largest time with guidance, 0 = data and 1 = noise; guidance at all times unless given',
    null,
  ),
  weakTeacher: pathOr("checkpoint of the weak teacher; the example's own unless given", 'FILE', null),
  distilled: pathOr('student of a finished run to finetune, in place of distilling one', 'FILE', null),
  adversarial: whole('steps of adversarial finetuning after the distillation', 0, 0),
  further: whole('steps of distillation alone in its place, for comparison with --adversarial', 0, 0),
  finetuningRate: positive("peak of the student's learning rate in either", 1e-4),
  judgeRate: positive("peak of the discriminator's learning rate", 2e-3),
  judge: choice(
    "what the discriminator is: heads on the teacher's features, or a network of its own",
    ['teacher', 'own'],
    'teacher',
  ),
  adversarialWeight: positive('weight α of the adversarial term', 0.3),
  judgedSteps: whole('largest number of steps of the samples that the discriminator judges', 1),
  penaltyWeight: positive('weight β of the gradient penalties R1 and R2', 0.1),
  penaltyEvery: whole('steps between gradient penalties', 1),
  augment: flag('show the discriminator images in random colours, shifted and with parts cut out'),
};

/** Options that only adversarial finetuning reads. */
const OF_ADVERSARIAL = [
  'judgeRate',
  'judge',
  'adversarialWeight',
  'judgedSteps',
  'penaltyWeight',
  'penaltyEvery',
  'augment',
] as const satisfies readonly (keyof typeof LEVER_OPTIONS)[];

/** The objective that options describe, as finetuning uses it: AYF-EMD without its warm-up, which is over. */
export async function finetuningObjective(options: Config<typeof DISTILLATION_OPTIONS>): Promise<Objective> {
  const { objective } = await distillationOf(options.objective === 'ayf-emd' ? { ...options, warmup: 1 } : options);
  return objective;
}

/**
 * Guidance and finetuning as the options describe them.
 *
 * @param weakOf returns the weak teacher; called only with guidance
 * @param objectiveOf returns the objective with which finetuning continues; called only with
 *   finetuning
 * @throws {ConfigError} for both --adversarial and --further, and for options that need one of them or --guidance
 */
export async function leversOf(
  options: Config<typeof LEVER_OPTIONS>,
  weakOf: () => Promise<TeacherSource>,
  objectiveOf: () => Promise<Objective>,
): Promise<Pick<ExampleRun, 'guidance' | 'distilled' | 'finetuning'>> {
  const { guidance, guidanceUpTo, guidanceUntil, distilled, adversarial, further } = options;
  if (adversarial > 0 && further > 0) {
    throw new ConfigError('--further', 'wanted --adversarial or --further, which it is compared with; got both');
  }
  if (guidanceUpTo !== null && guidance === null) {
    throw new ConfigError('--guidance-up-to', 'wanted --guidance too, the scale that is compared');
  }
  if (guidanceUntil !== null && guidance === null) {
    throw new ConfigError('--guidance-until', 'wanted --guidance too, the scale until then');
  }
  const iterations = adversarial + further;
  if (adversarial === 0) await requireUnread(options, LEVER_OPTIONS, OF_ADVERSARIAL, 'without --adversarial');
  if (iterations === 0) {
    await requireUnread(options, LEVER_OPTIONS, ['finetuningRate'], 'without --adversarial or --further');
  }
  return {
    ...(guidance === null
      ? {}
      : {
          guidance: {
            weak: await weakOf(),
            scale: guidance,
            ...(guidanceUpTo === null ? {} : { upTo: guidanceUpTo }),
            ...(guidanceUntil === null ? {} : { until: guidanceUntil }),
          },
        }),
    ...(distilled === null ? {} : { distilled: await loadStudent(distilled) }),
    ...(iterations === 0
      ? {}
      : {
          finetuning: {
            iterations,
            learningRate: options.finetuningRate,
            objective: await objectiveOf(),
            ...(adversarial === 0
              ? {}
              : {
                  adversarial: {
                    weight: options.adversarialWeight,
                    learningRate: options.judgeRate,
                    judge: options.judge,
                    steps: options.judgedSteps,
                    penalty: { weight: options.penaltyWeight, every: options.penaltyEvery },
                    augmented: options.augment,
                  },
                }),
          },
        }),
  };
}

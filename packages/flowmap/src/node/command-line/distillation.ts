import type { StudentOptions } from '@flowmap/core';
import type { AyfEmdPreset, IntervalLengths } from '@flowmap/objectives';
import type { DistillOptions } from '@flowmap/train/node';
import { choice, fraction, positive, whole, type Config } from './options.js';

const PRESETS = ['default', 'ayf-paper'] as const satisfies readonly AyfEmdPreset[];

/** Distributions of intervals by name. */
const INTERVALS = ['log-uniform', 'growing', 'to-data', 'steps'] as const;

/** Ways for a student to start from its teacher, by name. */
const STUDENTS: Readonly<Record<'teacher' | 'late-s' | 'exact-diagonal', StudentOptions>> = {
  teacher: {},
  'late-s': { intervalBlocks: 3 },
  'exact-diagonal': { exactDiagonal: true },
};

/** Options of the distillation's objective, of the student and of the weight average. */
export const DISTILLATION_OPTIONS = {
  preset: choice('settings of AYF-EMD that the options below do not change', PRESETS, 'default'),
  intervals: choice(
    "distribution of intervals: lengths log-uniform, growing during the first half of the run, a third ending at data, or those of 1 to 16 steps; the preset's unless given",
    INTERVALS,
    null,
  ),
  shortestInterval: fraction(
    'shortest length of log-uniform intervals; with --intervals steps a share of a step',
    null,
  ),
  diagonalShare: fraction('share of the batch at s = t', null),
  warmup: whole('steps in which the tangent warm-up r rises', null),
  tangentConstant: positive('constant c of the tangent normalisation', null),
  norm: choice('norm of the tangent normalisation', ['l2', 'rms'], 'l2'),
  anchorWeight: positive('factor of the loss of a second batch at s = t; no such batch unless given', null),
  trajectorySteps: whole(
    "take points from the teacher's trajectories, computed in this many steps of Heun's method",
    null,
  ),
  student: choice(
    'the student: the teacher with an input for s, with s in the last three blocks only, or F = v + (t - s) G with v the frozen teacher',
    Object.keys(STUDENTS) as (keyof typeof STUDENTS)[],
    'teacher',
  ),
  averageWidth: positive('width of the average of the weights, relative to the steps so far, below 0.28', 0.05),
};

/** The distillation that the options describe: AYF-EMD with its settings, the student, and how weights are averaged. */
export async function distillationOf(
  options: Config<typeof DISTILLATION_OPTIONS>,
): Promise<Pick<DistillOptions, 'objective' | 'emaDecay'> & { readonly startingFrom: StudentOptions }> {
  const { ayfEmd, teacherTrajectories, velocityAnchor } = await import('@flowmap/objectives');
  const { powerEma } = await import('@flowmap/train');
  const { preset, intervals, shortestInterval, diagonalShare, warmup, tangentConstant, norm } = options;
  const emd = ayfEmd({
    preset,
    norm,
    ...(intervals === null && shortestInterval === null
      ? {}
      : { intervalLengths: await lengthsOf(intervals ?? 'log-uniform', shortestInterval) }),
    ...(diagonalShare === null ? {} : { diagonalShare }),
    ...(warmup === null ? {} : { warmupSteps: warmup }),
    ...(tangentConstant === null ? {} : { c: tangentConstant }),
  });
  const { anchorWeight, trajectorySteps } = options;
  const anchored = anchorWeight === null ? emd : velocityAnchor(emd, { batch: { weight: anchorWeight } });
  return {
    objective: trajectorySteps === null ? anchored : teacherTrajectories(anchored, { steps: trajectorySteps }),
    startingFrom: STUDENTS[options.student],
    emaDecay: powerEma(options.averageWidth),
  };
}

/** A distribution of intervals from the shortest length, which is a share of a step for `steps`. */
async function lengthsOf(name: (typeof INTERVALS)[number], given: number | null): Promise<IntervalLengths> {
  const { intervalsToData, lengthCurriculum, logUniformLengths, mixedIntervals, stepIntervals } =
    await import('@flowmap/objectives');
  const lengths = logUniformLengths({ shortest: given ?? (name === 'steps' ? 1 / 16 : 1 / 64) });
  switch (name) {
    case 'log-uniform':
      return lengths;
    case 'growing':
      return lengthCurriculum(lengths, { from: 1 / 8 });
    case 'to-data':
      return mixedIntervals([
        { share: 2 / 3, of: lengths },
        { share: 1 / 3, of: intervalsToData() },
      ]);
    case 'steps':
      return stepIntervals({ steps: [1, 2, 4, 8, 16], lengths });
  }
}

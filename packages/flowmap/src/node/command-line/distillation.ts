import type { Objective, StudentOptions } from '@flowmap/core';
import type { AyfEmdPreset, AyfLmdOptions, HeldEnd, IntervalLengths, ObjectiveName } from '@flowmap/objectives';
import type { DistillOptions } from '@flowmap/train/node';
import { choice, fraction, positive, whole, type Config } from './options.js';
import { requireUnread } from './require-unread.js';

const PRESETS = ['default', 'ayf-paper'] as const satisfies readonly AyfEmdPreset[];

/** Objectives by name: all those of the package. */
const OBJECTIVES = [
  'ayf-emd',
  'ayf-lmd',
  'discrete-emd',
  'discrete-lmd',
  'mean-flow',
  'improved-mean-flow',
  'decoupled-mean-flow',
  'alpha-flow',
  'so-flow',
  'shortcut',
  'lagrangian-self-distillation',
  'eulerian-self-distillation',
  'progressive-self-distillation',
  'terminal-velocity',
  'ctm',
  'cmt',
  'scd',
  'sct',
  'consistency-distillation',
  'consistency-training',
  'facm',
] as const satisfies readonly ObjectiveName[];

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
  objective: choice('the objective; docs/methods.md compares them', OBJECTIVES, 'ayf-emd'),
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
  orders: choice(
    'down: trained from noise towards data; both: half of the samples back too, for a student that also turns images into noise',
    ['down', 'both'],
    'down',
  ),
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

/** The distillation that the options describe: the objective with its settings, the student, and how weights are averaged. */
export async function distillationOf(
  options: Config<typeof DISTILLATION_OPTIONS>,
): Promise<Pick<DistillOptions, 'objective' | 'emaDecay'> & { readonly startingFrom: StudentOptions }> {
  const { teacherTrajectories, velocityAnchor } = await import('@flowmap/objectives');
  const { powerEma } = await import('@flowmap/train');
  const { anchorWeight, trajectorySteps } = options;
  const own = await objectiveOf(options);
  const anchored = anchorWeight === null ? own : velocityAnchor(own, { batch: { weight: anchorWeight } });
  return {
    objective: trajectorySteps === null ? anchored : teacherTrajectories(anchored, { steps: trajectorySteps }),
    startingFrom: STUDENTS[options.student],
    emaDecay: powerEma(options.averageWidth),
  };
}

/**
 * The objective with its settings.
 *
 * @throws {ConfigError} for a setting that the objective does not have
 */
async function objectiveOf(options: Config<typeof DISTILLATION_OPTIONS>): Promise<Objective> {
  const { ayfEmd, ayfLmd, objectiveNamed } = await import('@flowmap/objectives');
  const { objective, preset, intervals, shortestInterval, diagonalShare, orders, warmup, tangentConstant, norm } =
    options;
  const requireNone = (names: readonly (keyof typeof DISTILLATION_OPTIONS)[]): Promise<void> =>
    requireUnread(options, DISTILLATION_OPTIONS, names, `on ${objective}, which has its own settings`);
  const common = async (
    hold: HeldEnd,
  ): Promise<Pick<AyfLmdOptions, 'intervalLengths' | 'diagonalShare' | 'c' | 'norm' | 'orders'>> => ({
    ...{ norm, orders },
    ...(intervals === null && shortestInterval === null
      ? {}
      : { intervalLengths: await lengthsOf(intervals ?? 'log-uniform', shortestInterval, hold) }),
    ...(diagonalShare === null ? {} : { diagonalShare }),
    ...(tangentConstant === null ? {} : { c: tangentConstant }),
  });
  if (objective === 'ayf-emd') {
    return ayfEmd({ preset, ...(await common('end')), ...(warmup === null ? {} : { warmupSteps: warmup }) });
  }
  await requireNone(['preset', 'warmup']);
  if (objective === 'ayf-lmd') return ayfLmd(await common('start'));
  await requireNone(['intervals', 'shortestInterval', 'diagonalShare', 'tangentConstant', 'norm', 'orders']);
  return objectiveNamed(objective);
}

/** A distribution of intervals of at least the shortest length, which is a share of a step for `steps`. */
async function lengthsOf(
  name: (typeof INTERVALS)[number],
  given: number | null,
  hold: HeldEnd,
): Promise<IntervalLengths> {
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
      return stepIntervals({ steps: [1, 2, 4, 8, 16], lengths, hold });
  }
}

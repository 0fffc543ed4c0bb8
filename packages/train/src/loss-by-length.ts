import {
  ConfigError,
  intervalsIn,
  isIn,
  lengthBins,
  parametrizationOf,
  pathOf,
  velocityField,
  type Batch,
  type LengthBin,
  type Model,
  type Objective,
  type OpaqueField,
  type Phase,
  type Progress,
  type VelocityField,
} from '@flowmap/core';
import { requireKnownOptions, sizeOf, type Runtime } from '@flowmap/tensor';
import type { Trainees } from './internal/groups.js';
import { lossesOfSteps } from './internal/losses.js';
import { mapValues } from './internal/names.js';
import type { Quantities } from './internal/steps.js';
import { objectivePhase } from './objective-phase.js';
import { constantSchedule } from './schedules.js';
import { trainee } from './trainee.js';

/** Options of {@link lossByLength}. */
export interface LossByLengthOptions {
  readonly runtime: Runtime;
  readonly student: Model;
  /**
   * The objective that trains the student; it has no parameters of its own, and its other draws do not depend on the
   * times.
   */
  readonly objective: Objective;
  /** Its teacher: a model, a velocity field or an opaque field; none for an objective that needs none. */
  readonly teacher?: Model | VelocityField | OpaqueField;
  /** Samples to be noised, all in one run, with the conditions that the student takes. */
  readonly data: Batch;
  /**
   * How far training has come, for the objective's schedules and draws: `{ step: 699, iterations: 700 }` for
   * the last step of 700.
   */
  readonly progress: Progress;
  /** Bins of lengths, in each of which every sample has an interval; `lengthBins()` unless given. */
  readonly bins?: readonly LengthBin[];
  /** Seed of noise and intervals; 0 unless given. */
  readonly seed?: number;
}

/** An objective's loss on intervals of some lengths. */
export interface LossOfLength extends LengthBin {
  /** Share of these lengths among the intervals that the objective draws. */
  readonly drawn: number;
  /** Mean of the loss over intervals of these lengths. */
  readonly loss: number;
  /** Share of these lengths in the loss of training: `drawn` times `loss`, divided by the sum of that over all bins. */
  readonly share: number;
  /** Means of the objective's metrics over intervals of these lengths: `tangentNorm`. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Number of intervals drawn to count their lengths. */
const COUNTED = 2 ** 14;

/**
 * The loss and metrics of an objective by the length of intervals, without training: what drives a student, and how
 * much each length contributes. The loss of AYF-EMD and AYF-LMD is the squared norm of the normalised tangent, so `share`
 * is how the pull is distributed, and `tangentNorm` the norm before normalisation; anything else that an objective adds
 * to the loss, such as a second batch, is included. Lengths that are rarely drawn are starved: another
 * distribution of lengths, such as `logUniformLengths`, draws them more often.
 *
 * @returns one entry for each bin, from the same data
 * @throws {ConfigError} for an objective with parameters of its own or without a teacher that it needs, or a teacher
 *   for one that needs none; for data whose samples do not fit the student, or that lack a condition
 * @throws {OpaqueFieldError} for a field that fails, or answers with anything but finite velocities of the points'
 *   shape
 */
export async function lossByLength(options: LossByLengthOptions): Promise<LossOfLength[]> {
  requireKnownOptions('lossByLength', options, {
    runtime: true,
    student: true,
    objective: true,
    teacher: true,
    data: true,
    progress: true,
    bins: true,
    seed: true,
  });
  const { runtime, data, bins = lengthBins(), seed = 0 } = options;
  if (options.teacher !== undefined && !options.objective.needs.teacher) {
    throw new ConfigError('lossByLength.teacher', `has no effect with ${options.objective.name}, which needs none`);
  }
  const { phase, trainees } = phaseOfBins(options, bins, seed);
  const means = await lossesOfSteps({ runtime, phase, trainees, batch: data, steps: bins.length });
  return sharesOf(bins, means, drawnShares(options, bins, seed));
}

/** The phase of the objective whose step i has intervals of bin i, and schedules for how far training has come. */
function phaseOfBins(
  { student, objective, teacher, data, progress }: LossByLengthOptions,
  bins: readonly LengthBin[],
  seed: number,
): { phase: Phase; trainees: Trainees } {
  const batchSize = data.x.length / sizeOf(student.network.config.shape);
  const { average } = objective.needs;
  if (objective.own) {
    const wanted = 'wanted one without parameters of its own, which are not in the student';
    throw new ConfigError('lossByLength.objective', `${wanted}; got ${objective.name}`);
  }
  const binned: Objective = {
    ...objective,
    schedules: mapValues(objective.schedules, (schedule) => () => schedule(progress)),
    draw: ({ step }, count) => ({
      ...objective.draw({ seed, ...progress }, count),
      ...intervalsIn(bins[step]!, seed, count),
    }),
  };
  const phase = objectivePhase({
    network: student.network,
    objective: binned,
    path: pathOf(student),
    parametrization: parametrizationOf(student),
    ...(teacher === undefined ? {} : { teacher: 'network' in teacher ? velocityField(teacher) : teacher }),
    batchSize,
    seed,
  });
  const { network, params } = student;
  const model = { ...student, params: network.upgrade?.(params) ?? params };
  const averages = average === undefined ? {} : { [average]: constantSchedule(0) };
  return { phase, trainees: { student: trainee({ model, learningRate: 0, averages }) } };
}

/** The share of each bin among the intervals that an objective draws. */
function drawnShares({ objective, progress }: LossByLengthOptions, bins: readonly LengthBin[], seed: number): number[] {
  const { t, s } = objective.draw({ seed, ...progress }, COUNTED);
  return bins.map((bin) => t.filter((time, i) => isIn(bin, time, s[i]!)).length / COUNTED);
}

function sharesOf(bins: readonly LengthBin[], means: readonly Quantities[], drawn: readonly number[]): LossOfLength[] {
  const total = means.reduce((sum, { loss = NaN }, i) => sum + drawn[i]! * loss, 0);
  return bins.map((bin, i) => {
    const { loss = NaN, ...metrics } = means[i]!;
    return { ...bin, drawn: drawn[i]!, loss, share: total === 0 ? 0 : (drawn[i]! * loss) / total, metrics };
  });
}

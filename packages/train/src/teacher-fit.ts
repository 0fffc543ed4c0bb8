import {
  ConfigError,
  conditionalVelocity,
  pathOf,
  velocityField,
  type Dataset,
  type Model,
  type Network,
  type Objective,
  type OpaqueField,
  type Path,
  type VelocityField,
} from '@flowmap/core';
import { requireKnownOptions, requireWhole, type Runtime } from '@flowmap/tensor';
import { lossesOfSteps } from './internal/losses.js';
import { objectivePhase } from './objective-phase.js';
import { trainee } from './trainee.js';

/** Options of {@link teacherFit}. */
export interface TeacherFitOptions {
  readonly runtime: Runtime;
  readonly teacher: Model | VelocityField | OpaqueField;
  /** Data that the teacher should know. */
  readonly data: Dataset;
  /** Number of samples, the first ones of the data and at most all of them; 64, or all of fewer, unless given. */
  readonly count?: number;
  /** Times on the path, in [0, 1]; 0.1, 0.5 and 0.9 unless given. */
  readonly times?: readonly number[];
  /** The teacher's path; a model's own, or linear, unless given. */
  readonly path?: Path;
  /** Seed of the noise; 0 unless given. */
  readonly seed?: number;
}

/** How well a teacher fits at one time. */
export interface TeacherFit {
  readonly time: number;
  /**
   * `1 - E |v - u|² / E |u|²` for its velocity v and the path's direction u from data to noise: 0 for a teacher that is
   * zero everywhere, below 0 for one that is worse.
   */
  readonly explained: number;
}

/**
 * How much of the direction from data to noise a teacher explains, which shows whether a network from elsewhere is
 * read correctly: its names, its times, what it predicts, and the scale of its data. A trained teacher explains part
 * of the direction at every time. One that is read with a wrong sign, time or prediction mostly explains less than
 * nothing.
 *
 * @throws {ConfigError} for data that lack a condition of the teacher, or whose samples it does not take, and more samples
 *   than there are
 * @throws {OpaqueFieldError} for a field that fails, or answers with anything but finite velocities
 *
 * @example
 * for (const { time, explained } of await teacherFit({ runtime, teacher, data })) console.log(time, explained);
 */
export async function teacherFit(options: TeacherFitOptions): Promise<TeacherFit[]> {
  requireKnownOptions('teacherFit', options, optionNames);
  const { runtime, teacher, data, count = Math.min(64, data.length), times = [0.1, 0.5, 0.9], seed = 0 } = options;
  requireWhole('teacherFit.count', count);
  if (count > data.length) {
    throw new ConfigError('teacherFit.count', `wanted at most ${data.length}, the samples of the data, got ${count}`);
  }
  const path = options.path ?? ('network' in teacher ? pathOf(teacher) : undefined);
  const network = nothing(data);
  const phase = objectivePhase({
    network,
    objective: directionError(times, path),
    teacher: 'network' in teacher ? velocityField(teacher) : teacher,
    ...(path === undefined ? {} : { path }),
    batchSize: count,
    seed,
  });
  const trainees = {
    student: trainee({ model: { kind: 'flowMap', network, params: {}, classes: [] }, learningRate: 0 }),
  };
  const batch = await data.batch(Array.from({ length: count }, (_, i) => i));
  const losses = await lossesOfSteps({ runtime, phase, trainees, batch, steps: times.length });
  return losses.map(({ loss = NaN, whole = NaN }, i) => ({ time: times[i]!, explained: 1 - loss / whole }));
}

const optionNames = {
  runtime: true,
  teacher: true,
  data: true,
  count: true,
  times: true,
  path: true,
  seed: true,
} as const;

/** Options of {@link requireTeacherFit}. */
export interface RequireTeacherFitOptions extends TeacherFitOptions {
  /** How the teacher was read, for the error: the mapping of an imported file. */
  readonly mapping?: Readonly<Record<string, unknown>>;
}

/**
 * Refuses a teacher that explains no more of the direction from data to noise than zero would, at any of the times.
 *
 * @returns what it explains at each time
 * @throws {ConfigError} with what it explains at each time and the mapping that was tried, or as {@link teacherFit}
 *   does
 */
export async function requireTeacherFit(options: RequireTeacherFitOptions): Promise<TeacherFit[]> {
  requireKnownOptions('requireTeacherFit', options, { ...optionNames, mapping: true });
  const { mapping, ...rest } = options;
  const fits = await teacherFit(rest);
  if (fits.every(({ explained }) => explained > 0)) return fits;
  const found = fits.map(({ time, explained }) => `${(100 * explained).toFixed(0)} % at t = ${time}`).join(', ');
  const tried = mapping === undefined ? '' : `; tried ${JSON.stringify(mapping)}`;
  const hint = 'check its times, what it predicts and the scale of its data';
  throw new ConfigError(
    'teacher',
    `it explains ${found} of the direction from '${options.data.name}' to noise, wanted more than 0; ${hint}${tried}`,
  );
}

/** A student without parameters, since every phase has a trainee. */
function nothing({ shape, conditions }: Dataset): Network {
  return {
    config: { type: 'nothing', shape, interval: true },
    conditions,
    parameters: {},
    init: () => ({}),
    apply: (_, { x }) => x,
  };
}

/** The mean square of the teacher's error at time i in step i, and of the direction. */
function directionError(times: readonly number[], path: Path | undefined): Objective {
  return {
    name: 'direction error',
    config: {},
    needs: { teacher: true },
    schedules: {},
    draw({ step }, count) {
      const t = new Float32Array(count).fill(times[step]!);
      return { t, s: t };
    },
    loss({ x0, noise, xt, t, velocity }) {
      const direction = conditionalVelocity(x0, noise, t, path);
      const metrics = { whole: direction.square().mean() };
      return { loss: velocity(xt, t).sub(direction).square().mean(), metrics };
    },
  };
}

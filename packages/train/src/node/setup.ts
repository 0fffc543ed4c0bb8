import {
  classCount,
  ConfigError,
  loader,
  parametrizationOf,
  pathOf,
  quoted,
  velocityField,
  withPrefix,
} from '@flowmap/core';
import type {
  Callback,
  ConditionSpec,
  DataReport,
  Dataset,
  Json,
  Loader,
  LogRecord,
  Model,
  Network,
  Objective,
} from '@flowmap/core';
import type { OpaqueField, Phase, ReadLimits, Schedule } from '@flowmap/core';
import { requireWhole, sameShape, specText, type Runtime } from '@flowmap/tensor';
import { powerEma } from '../ema.js';
import type { Trainees } from '../internal/groups.js';
import { mapValues } from '../internal/names.js';
import { objectivePhase } from '../objective-phase.js';
import { constantSchedule } from '../schedules.js';
import { trainee } from '../trainee.js';
import { examine } from './fingerprint.js';

import type { TrainOptions, WhenFinished } from './options.js';
import type { ProgressDisplay } from './progress-display.js';
import { firstNonFinite } from './schedule-means.js';

/** A training run with everything decided. */
export interface TrainSetup {
  readonly kind: Model['kind'];
  readonly network: Network;
  readonly objective: Objective;
  readonly teacher: Model | OpaqueField | undefined;
  readonly trainees: Trainees;
  readonly phase: Phase;
  readonly runtime: Runtime;
  readonly data: Dataset;
  /** Identifies the data's samples. */
  readonly fingerprint: string;
  /** What the data is like. */
  readonly report: DataReport;
  readonly batches: Loader;
  readonly iterations: number;
  readonly batchSize: number;
  readonly parts: number;
  readonly stepsPerRun: number;
  readonly seed: number;
  readonly flip: boolean;
  readonly out: string;
  readonly whenFinished: WhenFinished;
  /** The weights that it starts from, if the options name them. */
  readonly from: Model | undefined;
  readonly signal: AbortSignal | undefined;
  readonly callbacks: readonly Callback[];
  readonly checkpointEvery: number;
  readonly checkpointMinutes: number;
  /** Steps between the checkpoints that are never removed. */
  readonly keep: number;
  readonly logEvery: number;
  readonly progress: ProgressDisplay;
  readonly onLog: (record: LogRecord) => void;
  /** Notes on the run before it starts. */
  readonly notes: readonly string[];
  readonly onNote: (note: string) => void;
  readonly onData: ((report: DataReport) => void) | undefined;
  readonly limits: ReadLimits | undefined;
  readonly config: Json;
}

/** What is trained, and its starting point. */
export interface Start {
  readonly model: Model;
  readonly teacher?: Model | OpaqueField;
  /** Peak of the learning rate unless the options give one. */
  readonly peak: number;
  readonly notes?: readonly string[];
}

const WHEN_FINISHED: readonly WhenFinished[] = ['load', 'extend', 'new'];

/**
 * Fills in the defaults and checks everything that can be checked before anything is written or computed.
 *
 * @throws {ConfigError} naming an option that is invalid or does not fit the network
 */
export async function setUp(options: TrainOptions, { model, teacher, peak, notes = [] }: Start): Promise<TrainSetup> {
  const {
    data,
    objective,
    iterations,
    batchSize,
    seed,
    flip = false,
    emaDecay = powerEma(),
    maxGradientNorm,
    checkpointMinutes = 10,
  } = options;
  const { network } = model;
  const whenFinished = options.whenFinished ?? 'new';
  if (!WHEN_FINISHED.includes(whenFinished)) {
    throw new ConfigError('whenFinished', `wanted one of ${WHEN_FINISHED.join(', ')}; got ${quoted(whenFinished)}`);
  }
  const whole = {
    iterations,
    batchSize,
    parts: options.parts ?? 1,
    stepsPerRun: options.stepsPerRun ?? 1,
    logEvery: options.logEvery ?? 1,
    checkpointEvery: options.checkpointEvery ?? 1,
    keep: options.keep ?? 1,
  };
  for (const [option, value] of Object.entries(whole)) requireWhole(option, value, 1);
  const { parts, stepsPerRun } = whole;
  if (batchSize % parts !== 0) {
    throw new ConfigError('parts', `wanted a divisor of the batch of ${batchSize} samples, got ${parts}`);
  }
  if (maxGradientNorm !== undefined && !(maxGradientNorm > 0)) {
    throw new ConfigError('maxGradientNorm', `wanted a number > 0, got ${maxGradientNorm}`);
  }
  if (!(checkpointMinutes > 0)) {
    throw new ConfigError('checkpointMinutes', `wanted a number > 0, got ${checkpointMinutes}`);
  }
  if (options.out === '') throw new ConfigError('out', 'wanted the path of a folder, got an empty text');
  if (/[\p{Surrogate}\ufffd]/u.test(options.out)) {
    throw new ConfigError('out', `wanted a path in UTF-8, got ${quoted(options.out)}, which has other bytes`);
  }
  if (typeof flip !== 'boolean') throw new ConfigError('flip', `wanted true or false, got ${quoted(flip)}`);
  requireData(network, data);
  if (teacher !== undefined) requireTeacher(teacher, model);
  if (network.conditions['label']) requireSameClasses(model, data);
  if (objective.needs.teacher && teacher === undefined) {
    throw new ConfigError('objective', `${objective.name} needs a teacher; distill() has one`);
  }
  if (options.averages && 'ema' in options.averages) {
    throw new ConfigError('averages.ema', 'has no effect, as that average is always kept; its decay is `emaDecay`');
  }
  const averages = { ...options.averages, ema: emaDecay };
  const student = trainee({
    model: {
      ...model,
      training: { objective: objective.name, data: data.name, iterations, batchSize, seed },
    },
    objective,
    learningRate: options.learningRate ?? peak,
    ...(options.optimizer ? { optimizer: options.optimizer } : {}),
    averages: mapValues(averages, (decay, name) =>
      decaySchedule(name === 'ema' ? 'emaDecay' : `averages.${name}`, decay),
    ),
    maxGradientNorm,
    seed,
  });
  requireFiniteSchedules(iterations, {
    learningRate: student.learningRate,
    emaDecay: student.averages['ema']!,
    ...withPrefix('averages', student.averages),
    ...withPrefix('objective.schedules', objective.schedules),
  });
  const taught = objective.needs.teacher ? teacher : undefined;
  const field = taught && ('network' in taught ? velocityField(taught) : taught);
  return {
    kind: model.kind,
    network,
    objective,
    teacher: taught,
    trainees: { student },
    phase: objectivePhase({
      network,
      objective,
      path: pathOf(model),
      parametrization: parametrizationOf(model),
      batchSize: batchSize / parts,
      seed,
      ...(field ? { teacher: field } : {}),
    }),
    runtime: options.runtime,
    data,
    ...(await examine(data)),
    batches: loader(data, { batchSize, seed, flip }),
    iterations,
    batchSize,
    parts,
    stepsPerRun,
    seed,
    flip,
    out: options.out,
    whenFinished,
    from: options.from === undefined ? undefined : model,
    signal: options.signal,
    callbacks: options.callbacks ?? [],
    checkpointMinutes,
    keep: options.keep ?? Infinity,
    checkpointEvery: options.checkpointEvery ?? Math.max(50, Math.ceil(iterations / 20)),
    logEvery: options.logEvery ?? Math.max(1, Math.floor(iterations / 200)),
    progress: options.progress ?? 'auto',
    onLog: options.onLog ?? ((): void => undefined),
    notes,
    onNote: options.onNote ?? ((): void => undefined),
    onData: options.onData,
    limits: options.limits,
    config: options.config ?? null,
  };
}

function decaySchedule(option: string, decay: Schedule | number): Schedule {
  if (typeof decay !== 'number') return decay;
  if (!(decay >= 0 && decay < 1)) throw new ConfigError(option, `wanted a number in [0, 1), got ${decay}`);
  return constantSchedule(decay);
}

/** Checks that schedules are finite at every step. */
function requireFiniteSchedules(iterations: number, schedules: Readonly<Record<string, Schedule>>): void {
  for (const [option, schedule] of Object.entries(schedules)) {
    const found = firstNonFinite(schedule, iterations);
    if (found === undefined) continue;
    const got = `got ${found.value} at step ${found.step + 1} of ${iterations}`;
    throw new ConfigError(option, `wanted a schedule that is finite at every step, ${got}`);
  }
}

/** Checks that data has the samples and the conditions that a network takes. */
function requireData(network: Network, data: Dataset): void {
  const { type, shape } = network.config;
  if (!sameShape(data.shape, shape)) {
    const got = `samples of '${data.name}' are [${data.shape.join(', ')}]`;
    throw new ConfigError('data', `network '${type}' takes samples [${shape.join(', ')}], ${got}`);
  }
  const classes = classCount(network);
  if (classes !== 0 && data.classes.length !== classes) {
    throw new ConfigError(
      'data',
      `network '${type}' has ${classes} classes, '${data.name}' has ${data.classes.length}`,
    );
  }
  for (const [name, wanted] of Object.entries(network.conditions)) {
    const given = data.conditions[name];
    if (given && isSameCondition(given, wanted)) continue;
    const got = `'${data.name}' has it as ${conditionText(given)}`;
    throw new ConfigError(
      'data',
      `network '${type}' takes the condition '${name}' as ${conditionText(wanted)}, ${got}`,
    );
  }
}

/** Checks that labels have the same meaning for a model as in the data. */
function requireSameClasses({ classes }: Model, data: Dataset): void {
  if (classes.length === data.classes.length && classes.every((name, i) => name === data.classes[i])) return;
  const got = `'${data.name}' has ${quoted(data.classes)}`;
  throw new ConfigError('data', `the model to train has the classes ${quoted(classes)}, in this order; ${got}`);
}

/** Checks that a teacher takes the samples and conditions of the student. */
function requireTeacher(teacher: Model | OpaqueField, student: Model): void {
  if (!('network' in teacher)) return; // it reports what it takes when it is evaluated
  const { config, conditions } = teacher.network;
  const { shape } = student.network.config;
  if (!sameShape(config.shape, shape)) {
    const got = `the student's are [${shape.join(', ')}]`;
    throw new ConfigError('teacher', `its samples are [${config.shape.join(', ')}], ${got}`);
  }
  for (const [name, wanted] of Object.entries(conditions)) {
    const given = student.network.conditions[name];
    if (given && isSameCondition(given, wanted)) continue;
    const got = `the student has it as ${conditionText(given)}`;
    throw new ConfigError('teacher', `it takes the condition '${name}' as ${conditionText(wanted)}, ${got}`);
  }
}

function isSameCondition(a: ConditionSpec, b: ConditionSpec): boolean {
  return sameShape(a.shape, b.shape) && a.dtype === b.dtype && a.categories === b.categories;
}

function conditionText(spec: ConditionSpec | undefined): string {
  if (spec === undefined) return 'nothing';
  return `${specText(spec)}${spec.categories === undefined ? '' : ` of ${spec.categories} categories`}`;
}

import { classCount, ConfigError, loader } from '@flowmap/core';
import type { ConditionSpec, Dataset, Json, Loader, Model, Network, Objective, ReadLimits } from '@flowmap/core';
import { sameShape, specText, type HostTensors, type Runtime } from '@flowmap/tensor';
import { adamw } from '../adamw.js';
import { powerEma } from '../ema.js';
import type { Optimizer } from '../optimizer.js';
import { constantSchedule, cosineSchedule, type Schedule } from '../schedules.js';
import type { LogRecord } from './log.js';
import type { TrainOptions } from './options.js';
import type { ProgressDisplay } from './progress.js';

/** A training run with nothing left open. */
export interface TrainSetup {
  readonly kind: Model['kind'];
  readonly network: Network;
  readonly initialParams: HostTensors;
  readonly teacher: Model | undefined;
  readonly runtime: Runtime;
  readonly data: Dataset;
  readonly batches: Loader;
  readonly objective: Objective;
  readonly optimizer: Optimizer;
  readonly learningRate: Schedule;
  readonly emaDecay: Schedule;
  readonly maxGradientNorm: number | undefined;
  readonly iterations: number;
  readonly batchSize: number;
  readonly stepsPerRun: number;
  readonly seed: number;
  readonly flip: boolean;
  readonly out: string;
  readonly signal: AbortSignal | undefined;
  readonly checkpointEvery: number;
  readonly logEvery: number;
  readonly progress: ProgressDisplay;
  readonly onLog: (record: LogRecord) => void;
  /** What there is to remark on the run before it starts. */
  readonly notes: readonly string[];
  readonly onNote: (note: string) => void;
  readonly limits: ReadLimits | undefined;
  readonly config: Json;
}

/** What is trained, and from where. */
export interface Subject {
  readonly network: Network;
  readonly initialParams: HostTensors;
  readonly teacher?: Model;
  /** Peak of the learning rate unless the options say otherwise. */
  readonly peak: number;
  readonly notes?: readonly string[];
}

/**
 * Fills in the defaults and checks everything that can be checked before anything is written or computed.
 *
 * @throws {ConfigError} naming the option that makes no sense, or that does not fit the network
 */
export function setUp(
  options: TrainOptions,
  { network, initialParams, teacher, peak, notes = [] }: Subject,
): TrainSetup {
  const { data, objective, iterations, batchSize, seed, flip = false, emaDecay, maxGradientNorm } = options;
  const { learningRate = peak } = options;
  const whole = {
    iterations,
    batchSize,
    stepsPerRun: options.stepsPerRun ?? 1,
    logEvery: options.logEvery ?? 1,
    checkpointEvery: options.checkpointEvery ?? 1,
  };
  for (const [option, value] of Object.entries(whole)) requireWhole(option, value, 1);
  if (maxGradientNorm !== undefined && !(maxGradientNorm > 0)) {
    throw new ConfigError('maxGradientNorm', `wanted a number > 0, got ${maxGradientNorm}`);
  }
  if (typeof emaDecay === 'number' && !(emaDecay >= 0 && emaDecay < 1)) {
    throw new ConfigError('emaDecay', `wanted a number in [0, 1), got ${emaDecay}`);
  }
  if (options.out === '') throw new ConfigError('out', 'wanted the path of a folder, got an empty text');
  requireFit(network, data);
  if (objective.needs.teacher && teacher === undefined) {
    throw new ConfigError('objective', `${objective.name} needs a teacher; distill() has one`);
  }
  return {
    kind: network.config.interval ? 'flowMap' : 'velocity',
    network,
    initialParams,
    teacher: objective.needs.teacher ? teacher : undefined,
    runtime: options.runtime,
    data,
    batches: loader(data, { batchSize, seed, flip }),
    objective,
    optimizer: options.optimizer ?? adamw(),
    learningRate: typeof learningRate === 'number' ? cosineSchedule(learningRate) : learningRate,
    emaDecay: typeof emaDecay === 'number' ? constantSchedule(emaDecay) : (emaDecay ?? powerEma()),
    maxGradientNorm,
    iterations,
    batchSize,
    stepsPerRun: whole.stepsPerRun,
    seed,
    flip,
    out: options.out,
    signal: options.signal,
    checkpointEvery: options.checkpointEvery ?? Math.max(50, Math.ceil(iterations / 20)),
    logEvery: options.logEvery ?? Math.max(1, Math.floor(iterations / 200)),
    progress: options.progress ?? 'auto',
    onLog: options.onLog ?? ((): void => undefined),
    notes,
    onNote: options.onNote ?? ((): void => undefined),
    limits: options.limits,
    config: options.config ?? null,
  };
}

function requireFit(network: Network, data: Dataset): void {
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
    const same = given && sameShape(given.shape, wanted.shape) && given.dtype === wanted.dtype;
    if (same && given.categories === wanted.categories) continue;
    const got = `'${data.name}' has it as ${conditionText(given)}`;
    throw new ConfigError(
      'data',
      `network '${type}' takes the condition '${name}' as ${conditionText(wanted)}, ${got}`,
    );
  }
}

function conditionText(spec: ConditionSpec | undefined): string {
  if (spec === undefined) return 'nothing';
  return `${specText(spec)}${spec.categories === undefined ? '' : ` of ${spec.categories} categories`}`;
}

/**
 * Checks that an option is a whole number of at least `least`.
 *
 * @throws {ConfigError} naming the option
 */
export function requireWhole(option: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new ConfigError(option, `wanted a whole number >= ${least}, got ${value}`);
  }
}

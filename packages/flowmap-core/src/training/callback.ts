import type { Executable, Program } from '@flowmap/tensor';
import type { Model } from '../models/model.js';
import type { Batch } from '../plugins.js';
import type { CompiledSampler } from '../samplers/compile-sampler.js';
import type { LiveSamplerOptions } from '../samplers/live-sampler.js';

/** The numbers of a run after a step. */
export interface LogRecord {
  /** Number of the step, counted from 1. */
  readonly step: number;
  /** Samples per second since the previous record. */
  readonly imagesPerSecond: number;
  /** Time trained so far, those of interrupted runs included. */
  readonly seconds: number;
  /**
   * For each phase its `loss`, metrics, `gradientNorm`, `learningRate` and scheduled numbers; under `<phase>.<name>` if
   * there are several phases.
   */
  readonly [quantity: string]: number;
}

/** Selects parameters of a training: those of a trainee, or of one of its averages. */
export interface TrainedParameters {
  /** Name of the trainee; by default the only one that has a model. */
  readonly trainee?: string;
  /** Name of one of its averages; the parameters themselves unless given. */
  readonly average?: string;
}

/** Options of a sampler that uses a training's parameters. */
export type MomentSamplerOptions = Omit<LiveSamplerOptions, 'sharing' | 'stateOf'> & TrainedParameters;

/** A training before its first step, for a callback to check and compile what it will need. */
export interface Preparation {
  readonly iterations: number;
  /**
   * The sampler that {@link Moment.sampler} will return. Before the first step its parameters have no values: it can
   * check arguments, but not sample.
   *
   * @throws {ConfigError} for an unknown trainee or average, or a sampler that does not fit the model
   */
  sampler(options: MomentSamplerOptions): Promise<CompiledSampler>;
  /**
   * Compiles what {@link Moment.loss} will run.
   *
   * @throws {ConfigError} for an unknown phase or average
   */
  prepareLoss(phase: string, average?: string): Promise<void>;
}

/**
 * A training between two steps, as a callback sees it. If one run of the program takes several steps, the parameters
 * are those at the end of the run: `model`, `sampler`, `loss` and `save` use them, and only the numbers of `record`
 * belong to the step itself.
 *
 * It is valid until the callback has settled; after that its functions throw a `ConfigError`.
 */
export interface Moment {
  /** Steps taken, from 1. */
  readonly step: number;
  readonly iterations: number;
  /** Time trained so far, those of interrupted runs included. */
  readonly seconds: number;
  /** What has been logged so far, including by interrupted runs. */
  readonly records: readonly LogRecord[];
  /**
   * Reads the numbers of the last step from the device, together with what earlier callbacks have added.
   *
   * @throws {NonFiniteError} when one of them is not finite
   */
  record(): Promise<LogRecord>;
  /**
   * Adds numbers to this step's record.
   *
   * @throws {ConfigError} for a name that another callback has already used
   */
  add(quantities: Readonly<Record<string, number>>): void;
  /** Appends this step's record to the run's log. */
  log(): Promise<void>;
  /** Copies a model to the host. */
  model(which?: TrainedParameters): Promise<Model>;
  /**
   * A sampler on the current parameters, without copying them; created once for equal options, and disposed of when
   * training ends.
   */
  sampler(options: MomentSamplerOptions): Promise<CompiledSampler>;
  /**
   * Loss and metrics of a phase on a batch that is not trained on, with noise and times as of a step after the last.
   * The network is the one used for sampling: there is no dropout.
   *
   * @param batch with as many samples as a training batch
   * @param index distinguishes held-out batches: each has its own draws
   */
  loss(phase: string, batch: Batch, index: number, average?: string): Promise<Readonly<Record<string, number>>>;
  /** Compiles a program that shares the training's states; it is disposed of when training ends. */
  compile(program: Program): Promise<Executable>;
  /**
   * Requests a checkpoint: it is saved when the callbacks that are due now, and all steps of this run of the program,
   * are done. Callbacks with `every: 'checkpoint'` run after that.
   */
  save(): void;
  /**
   * Ends the training once the callbacks that are due now are done, as if this step were its last; if one run of the
   * program takes several steps, as if the last of that run were.
   */
  stop(): void;
  /** Keeps a model under a name, whatever happens to the checkpoints. */
  keep(name: string, model: Model): Promise<void>;
}

/** Something to be done during training. Callbacks run one after the other, and the next step waits for them. */
export interface Callback {
  /** For messages. */
  readonly name: string;
  /**
   * A number: after every n-th step, and the last. `checkpoint`: when a checkpoint is on disk. `end`: when all steps
   * are done, or a callback has stopped the training, and the last checkpoint is on disk.
   */
  readonly every: number | 'checkpoint' | 'end';
  /**
   * Called once before the first step, when nothing has been written yet; it should throw if something could not be
   * done later.
   */
  prepare?(training: Preparation): Promise<void> | void;
  run(moment: Moment): Promise<void> | void;
  /** Called once when training has ended for any reason, failed preparations included. */
  close?(): Promise<void> | void;
}

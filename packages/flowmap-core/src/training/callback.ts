import type { Executable, Program } from '@flowmap/tensor';
import type { Model } from '../models/model.js';
import type { Batch } from '../plugins.js';
import type { CompiledSampler } from '../samplers/compile-sampler.js';
import type { LiveSamplerOptions } from '../samplers/live-sampler.js';
import type { Trainee } from './phase.js';

/** What a run looked like after a step. */
export interface LogRecord {
  /** Number of the step, counted from 1. */
  readonly step: number;
  /** Samples per second since the record before. */
  readonly imagesPerSecond: number;
  /** Time trained so far, those of interrupted runs included. */
  readonly seconds: number;
  /**
   * Of each phase its `loss`, metrics, `gradientNorm`, `learningRate` and scheduled numbers; under `<phase>.<name>` where there are
   * several phases.
   */
  readonly [quantity: string]: number;
}

/** Parameters of a training: of a trainee, or one of its averages. */
export interface TrainedParameters {
  /** Name of the trainee; the only model among them unless given. */
  readonly trainee?: string;
  /** Name of one of its averages; the parameters themselves unless given. */
  readonly average?: string;
}

/** Which sampler of a training's parameters is wanted. */
export type MomentSamplerOptions = Omit<LiveSamplerOptions, 'sharing' | 'stateOf'> & TrainedParameters;

/** A training before its first step, for a callback to check, and to have compiled, what it will need. */
export interface Preparation {
  readonly iterations: number;
  /** What is trained, by name, with the averages that are kept of it. */
  readonly trainees: Readonly<Record<string, Trainee>>;
  /**
   * What {@link Moment.sampler} will give. Before the first step its parameters have no values: it can check arguments, not sample.
   *
   * @throws {ConfigError} for a trainee or an average that there is not, or a sampler that does not fit the model
   */
  sampler(options: MomentSamplerOptions): Promise<CompiledSampler>;
  /**
   * Compiles what {@link Moment.loss} will run.
   *
   * @throws {ConfigError} for a phase or an average that there is not
   */
  prepareLoss(phase: string, average?: string): Promise<void>;
}

/**
 * A training between two steps, as a callback sees it. Where one run of the program takes several steps, parameters are those at the end
 * of the run: `model`, `sampler`, `loss` and `save` take them, and only the numbers of `record` are the step's own.
 *
 * It is of use until the callback has settled; after that its functions throw a `ConfigError`.
 */
export interface Moment {
  /** Steps taken, from 1. */
  readonly step: number;
  /** Steps that the parameters have taken: `step`, or more where one run of the program takes several steps. */
  readonly modelStep: number;
  readonly iterations: number;
  /** Time trained so far, those of interrupted runs included. */
  readonly seconds: number;
  /** What has been logged so far, in interrupted runs too. */
  readonly records: readonly LogRecord[];
  /**
   * Reads the numbers of the last step from the device, with what callbacks before have added.
   *
   * @throws {NonFiniteError} when one of them is not finite
   */
  record(): Promise<LogRecord>;
  /**
   * Adds numbers to this step's record.
   *
   * @throws {ConfigError} for a name that another callback has given a number
   */
  add(quantities: Readonly<Record<string, number>>): void;
  /** Appends this step's record to the run's log. */
  log(): Promise<void>;
  /** Copies a model to the host. */
  model(which?: TrainedParameters): Promise<Model>;
  /**
   * A sampler on the parameters as they are, without a copy of them; made once for equal options, and disposed of when training ends.
   */
  sampler(options: MomentSamplerOptions): Promise<CompiledSampler>;
  /**
   * Loss and metrics of a phase on a batch that is not trained on, with noise and times of a step after the last. The network is the one
   * that samples: nothing is dropped out.
   *
   * @param batch as many samples as a batch of the training has
   * @param index tells one held-out batch from another: each has draws of its own
   */
  loss(phase: string, batch: Batch, index: number, average?: string): Promise<Readonly<Record<string, number>>>;
  /** Compiles a program that shares the training's states; it is disposed of when training ends. */
  compile(program: Program): Promise<Executable>;
  /**
   * Wants a checkpoint: it is saved when the callbacks that are due now, and all steps of this run of the program, are done. Callbacks
   * with `every: 'checkpoint'` run after that.
   */
  save(): void;
  /**
   * Ends the training once the callbacks that are due now are done, as if the step were its last; where one run of the program takes
   * several steps, as if the last of the run were.
   */
  stop(): void;
  /** Keeps a model under a name, whatever becomes of checkpoints. */
  keep(name: string, model: Model): Promise<void>;
}

/** Something to be done in the course of a training. Callbacks run one after the other, and the next step waits for them. */
export interface Callback {
  /** For messages. */
  readonly name: string;
  /**
   * A number: after every n-th step, and the last. `checkpoint`: when a checkpoint is on disk. `end`: when all steps are
   * done, or a callback has stopped the training, and the last checkpoint is on disk.
   */
  readonly every: number | 'checkpoint' | 'end';
  /** Called once before the first step, when nothing has been written yet; throws for what could not be done later. */
  prepare?(training: Preparation): Promise<void> | void;
  run(moment: Moment): Promise<void> | void;
  /** Called once when training has ended in whatever way, failed preparations included. */
  close?(): Promise<void> | void;
}

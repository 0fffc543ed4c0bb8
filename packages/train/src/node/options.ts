import type {
  Callback,
  Dataset,
  Json,
  LogRecord,
  Model,
  Network,
  Objective,
  OpaqueField,
  ParametrizationName,
  PathName,
  ReadLimits,
} from '@flowmap/core';
import type { Runtime } from '@flowmap/tensor';
import type { Optimizer } from '../optimizer.js';
import type { Schedule } from '../schedules.js';
import type { ProgressDisplay } from './progress-display.js';

/** What every training run needs to know. */
export interface TrainOptions {
  /** What computes. */
  readonly runtime: Runtime;
  /** Samples of the network's shape, with the conditions that the network takes. */
  readonly data: Dataset;
  readonly objective: Objective;
  /** Number of steps, at least 1. */
  readonly iterations: number;
  /** Samples of one step, at least 1. */
  readonly batchSize: number;
  /** Decides initial weights, order of the data, noise and times. */
  readonly seed: number;
  /** Folder of the run; with a number appended when it holds a finished run. */
  readonly out: string;
  /**
   * Parts of the batch whose gradients are computed one after the other and averaged, a divisor of the batch size; 1 unless given. For
   * batches that do not fit the memory.
   */
  readonly parts?: number;
  /**
   * Steps that one run of the compiled program takes, at least 1; 1 unless given. More pay where each run carries the state
   * to the device and back, as CUDA's provider of onnxruntime does. What is logged stays step by step; a checkpoint waits
   * for the end of the run in which it falls due.
   */
  readonly stepsPerRun?: number;
  /** Aborting saves a checkpoint after the current run of steps and ends the run; running again resumes it. */
  readonly signal?: AbortSignal;
  /** A schedule, or the peak of a cosine schedule that falls to 0; the peak is 1e-3 for a teacher, 2e-4 for a student unless given. */
  readonly learningRate?: Schedule | number;
  /** `adamw()` unless given. */
  readonly optimizer?: Optimizer;
  /** Decay of the moving average of the weights, a number in [0, 1) or a schedule; `powerEma()` unless given. */
  readonly emaDecay?: Schedule | number;
  /** More moving averages by name, each with its decay; checkpoints and callbacks have them. */
  readonly averages?: Readonly<Record<string, Schedule | number>>;
  /** Scales gradients of a larger norm down to this one, > 0; no clipping unless given. */
  readonly maxGradientNorm?: number;
  /** Steps between checkpoints; a twentieth of the run, at least 50, unless given. */
  readonly checkpointEvery?: number;
  /** Steps between log records; a two-hundredth of the run, at least 1, unless given. */
  readonly logEvery?: number;
  /** Mirror images left to right at random; false unless given. */
  readonly flip?: boolean;
  /**
   * What is shown while it trains; `auto`, the default, is a bar on a terminal where the package `cli-progress` is installed, and
   * lines elsewhere.
   */
  readonly progress?: ProgressDisplay;
  /** Called in their order between two steps, before the step is logged. */
  readonly callbacks?: readonly Callback[];
  /** Called with every log record. */
  readonly onLog?: (record: LogRecord) => void;
  /**
   * Called with what a run does otherwise than its options may lead one to expect, such as changing labels to the order of a
   * teacher's classes; it is also shown, unless `progress` is `none`.
   */
  readonly onNote?: (note: string) => void;
  /** How much the files of a run that is resumed may ask for; the defaults of `ReadLimits` unless given. */
  readonly limits?: ReadLimits;
  /** Recorded in config.json beside the run's own settings. */
  readonly config?: Json;
}

/** Options of {@link trainVelocityField}. */
export interface TrainVelocityFieldOptions extends TrainOptions {
  readonly network: Network;
  /** The path between data and noise; `linear` unless given. */
  readonly path?: PathName;
  /** What the network's output means; `euler` unless given. */
  readonly parametrization?: ParametrizationName;
}

/** Options of {@link distill}. */
export interface DistillOptions extends TrainOptions {
  /**
   * The velocity field to distil: a model, or a field that only runs. When it has classes the data must have the same, by name;
   * in another order, its labels are changed to the teacher's.
   */
  readonly teacher: Model | OpaqueField;
  /**
   * The flow map to start from, on the teacher's path; the teacher itself unless given. Needed for a teacher that only runs, whose path
   * is then the student's.
   */
  readonly student?: Model;
}

/** What a training run leaves. */
export interface TrainResult {
  /** The moving average of the weights. */
  readonly model: Model;
  /** Where the run's files are. */
  readonly folder: string;
  /** False when the run was interrupted and can be resumed. */
  readonly completed: boolean;
  /** Steps taken so far, those before a resumption included. */
  readonly step: number;
  /** All records so far. */
  readonly log: readonly LogRecord[];
}

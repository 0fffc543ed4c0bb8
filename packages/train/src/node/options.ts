import type {
  DataReport,
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

/** What to do when the folder of a run holds a finished one. */
export type WhenFinished = 'load' | 'extend' | 'new';

/** Options of every training run. */
export interface TrainOptions {
  /** The runtime that computes. */
  readonly runtime: Runtime;
  /** Samples of the network's shape, with the conditions that the network takes. */
  readonly data: Dataset;
  readonly objective: Objective;
  /** Number of steps, at least 1. */
  readonly iterations: number;
  /** Samples per step, at least 1. */
  readonly batchSize: number;
  /** Determines initial weights, the order of the data, noise and times. */
  readonly seed: number;
  /** Folder of the run; what happens if it holds a finished run is up to `whenFinished`. */
  readonly out: string;
  /**
   * What to do when `out` holds a finished run. `new`, the default, starts another in the next numbered folder. `load`
   * returns its result, if it has these settings. `extend` continues from its last step with other `iterations`,
   * `learningRate` or `maxGradientNorm`, even if the run is not finished, and keeps the optimizer and the averages;
   * once a run with these settings is finished, its result is returned.
   *
   * With `load` and `extend` a script of several trainings can be killed anywhere and run again.
   */
  readonly whenFinished?: WhenFinished;
  /**
   * Where the weights start: a model, or the path of its file or of the folder of a finished run. Only weights are
   * used (for a run's result, their average); optimizer and averages start anew.
   */
  readonly from?: Model | string;
  /**
   * Parts of the batch whose gradients are computed one after another and averaged, a divisor of the batch size; 1
   * unless given. For batches that do not fit into memory.
   */
  readonly parts?: number;
  /**
   * Steps taken by one run of the compiled program, at least 1; 1 unless given. More pays off where each run carries
   * the state to the device and back, as onnxruntime's CUDA provider does. Steps are still logged one by one; a
   * checkpoint waits for the end of the run in which it falls due.
   */
  readonly stepsPerRun?: number;
  /** Aborting saves a checkpoint after the current run of steps and ends the run; running again resumes it. */
  readonly signal?: AbortSignal;
  /**
   * A schedule, or the peak of a cosine schedule that falls to 0; a peak of 1e-3 for a teacher and 2e-4 for a student
   * unless given.
   */
  readonly learningRate?: Schedule | number;
  /** `adamw()` unless given. */
  readonly optimizer?: Optimizer;
  /** Decay of the moving average of the weights, a number in [0, 1) or a schedule; `powerEma()` unless given. */
  readonly emaDecay?: Schedule | number;
  /** Further moving averages by name, each with its decay, besides `ema`, whose decay is `emaDecay`; they are part of checkpoints and available to callbacks. */
  readonly averages?: Readonly<Record<string, Schedule | number>>;
  /** Gradients with a larger norm are scaled down to this norm, > 0; no clipping unless given. */
  readonly maxGradientNorm?: number;
  /** Steps between checkpoints; a twentieth of the run, at least 50, unless given. */
  readonly checkpointEvery?: number;
  /**
   * Minutes after which another checkpoint is saved although its step has not been reached, > 0; 10 unless
   * given, `Infinity` for no limit.
   */
  readonly checkpointMinutes?: number;
  /**
   * Steps between milestones, checkpoints that are kept beside the last two: the first at or after each multiple of
   * this number; none unless given.
   */
  readonly keep?: number;
  /** Steps between log records; a two-hundredth of the run, at least 1, unless given. */
  readonly logEvery?: number;
  /** Whether images are mirrored left to right at random; false unless given. */
  readonly flip?: boolean;
  /**
   * How progress is shown; `auto`, the default, is a bar on a terminal if the package `cli-progress` is installed, and
   * lines otherwise.
   */
  readonly progress?: ProgressDisplay;
  /** Called in order between steps, before the step is logged. */
  readonly callbacks?: readonly Callback[];
  /** Called with every log record. */
  readonly onLog?: (record: LogRecord) => void;
  /**
   * Called with a note when the run does something that its options may not lead one to expect, such as reordering
   * labels to match a teacher's classes. Notes are also shown, unless `progress` is `none`.
   */
  readonly onNote?: (note: string) => void;
  /**
   * Called before the first step with what the data is like: one line, and a warning for images that do not fill [-1,
   * 1], which is also a note. Unless this is given, both are shown as notes are.
   */
  readonly onData?: (report: DataReport) => void;
  /** Limits on what the files of a resumed run may ask for; the defaults of `ReadLimits` unless given. */
  readonly limits?: ReadLimits;
  /** Recorded in config.json beside the run's own settings. */
  readonly config?: Json;
}

/** Options of {@link trainVelocityField}. */
export interface TrainVelocityFieldOptions extends TrainOptions {
  /** The network to train; that of `from` unless given. One of the two is required. */
  readonly network?: Network;
  /** The path between data and noise; that of `from`, or `linear`, unless given. */
  readonly path?: PathName;
  /** What the network's output means; that of `from`, or `euler`, unless given. */
  readonly parametrization?: ParametrizationName;
}

/** Options of {@link distill}. */
export interface DistillOptions extends TrainOptions {
  /**
   * The velocity field to distil: a model, or an opaque field, which can only be run. If it has classes, the data must
   * have the same ones by name; if they are in another order, the data's labels are changed to match the teacher's.
   */
  readonly teacher: Model | OpaqueField;
  /**
   * The flow map to start from, on the teacher's path; the teacher itself unless given. An opaque teacher requires this
   * or `from`; its path is then taken to be the student's.
   */
  readonly student?: Model;
  /**
   * In place of `student`: a flow map, or a velocity field, which is given an input for the target time; see
   * {@link TrainOptions.from}.
   */
  readonly from?: Model | string;
}

/** Result of a training run. */
export interface TrainResult {
  /**
   * The moving average of the weights. If the run was interrupted, the model says so, and `distill` refuses
   * it as a teacher.
   */
  readonly model: Model;
  /** Folder with the run's files. */
  readonly folder: string;
  /** False when the run was interrupted and can be resumed. */
  readonly completed: boolean;
  /** Steps taken so far, including those before a resumption. */
  readonly step: number;
  /** All records so far. */
  readonly log: readonly LogRecord[];
}

import type { HostTensors, SpecLike, Tensor, Tensors } from '@flowmap/tensor';
import type { Model } from '../models/model.js';
import type { Batch, ObjectiveResult, OpaqueField, ParameterSpec, Progress } from '../plugins.js';
import type { Optimizer, Schedule } from './types.js';

/** Parameters that are trained together, and how: a student, a discriminator. */
export interface Trainee {
  readonly parameters: Readonly<Record<string, ParameterSpec>>;
  /** Values of all parameters before the first step. */
  readonly initial: HostTensors;
  readonly optimizer: Optimizer;
  readonly learningRate: Schedule;
  /** Moving averages by name, `average <- decay average + (1 - decay) parameter`, each with the decay's schedule. */
  readonly averages: Readonly<Record<string, Schedule>>;
  /** Gradients with a larger L2 norm are scaled down to this one, > 0; no clipping unless given. */
  readonly maxGradientNorm?: number;
  /** What the parameters are a model of; a discriminator is none. Parameters that its network lacks are left out of it. */
  readonly model?: Omit<Model, 'params'>;
  /** Parameters as an earlier version of the module had them, as those of now. */
  upgrade?(params: HostTensors): HostTensors;
}

/** What a phase is traced with. */
export interface PhaseContext {
  /** The phase's inputs by name. */
  readonly inputs: Tensors;
  /** Parameters by group: `student` and its average `student.ema`, `discriminator`, `teacher`. */
  readonly groups: Readonly<Record<string, Tensors>>;
  /** False where the loss of held-out data is traced, in which a network draws nothing: there is no dropout. */
  readonly isTraining: boolean;
  /**
   * The velocity of an opaque field at a point, shaped as `x`. It is computed between two programs, so no gradient flows through it.
   *
   * @param field its name in {@link Phase.opaque}
   */
  readonly ask: (field: string, x: Tensor, t: Tensor, conditions: Tensors) => Tensor;
}

/** One kind of update within a step of training: a loss, and whose parameters it moves. */
export interface Phase {
  readonly name: string;
  /** The trainee that it moves. */
  readonly trains: string;
  /** Other groups of parameters that its loss reads: names of trainees, and of averages as `student.ema`. */
  readonly reads?: readonly string[];
  /** Groups of parameters that no step changes, such as a teacher's, with their values. */
  readonly fixed?: Readonly<Record<string, HostTensors>>;
  /** Fields that only run, for {@link PhaseContext.ask}. */
  readonly opaque?: Readonly<Record<string, OpaqueField>>;
  /** It runs in the steps 0, every, 2 every, …; in each unless given. */
  readonly every?: number;
  /** Samples that one run of its program takes, where it takes a fixed number; checked against the batches before the first step. */
  readonly batchSize?: number;
  /** Inputs of one run of its program. */
  readonly inputs: Readonly<Record<string, SpecLike>>;
  /** The metric that tells most about its progress, for displays; none but the loss unless given. */
  readonly watch?: string;
  /**
   * Values of the inputs, the same for the same step and batch. Where a batch is trained on in parts, it is the whole batch, and rows
   * of the result are dealt out.
   */
  feeds(progress: Progress, batch: Batch): HostTensors;
  /** Scalars that are logged with the step besides its outputs: values of schedules. */
  scalars?(progress: Progress): Readonly<Record<string, number>>;
  /** Traces loss and metrics. */
  trace(context: PhaseContext): ObjectiveResult;
}

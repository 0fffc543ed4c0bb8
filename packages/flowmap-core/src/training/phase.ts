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
  /**
   * The model that the parameters belong to; none for a discriminator. Parameters that its network lacks are left out
   * of it.
   */
  readonly model?: Omit<Model, 'params'>;
  /** Converts parameters of an earlier version of the module to current ones. */
  upgrade?(params: HostTensors): HostTensors;
}

/** What a phase is traced with. */
export interface PhaseContext {
  /** The phase's inputs by name. */
  readonly inputs: Tensors;
  /** Parameters by group: `student` and its average `student.ema`, `discriminator`, `teacher`. */
  readonly groups: Readonly<Record<string, Tensors>>;
  /** False when the loss of held-out data is traced, where a network draws nothing and there is no dropout. */
  readonly isTraining: boolean;
  /**
   * The velocity of an opaque field at a point, shaped as `x`. It is computed between two programs, so no gradient
   * flows through it.
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
  /** Fields that can only be evaluated, for {@link PhaseContext.ask}. */
  readonly opaque?: Readonly<Record<string, OpaqueField>>;
  /** It runs in steps 0, every, 2 every and so on; in every step unless given. */
  readonly every?: number;
  /**
   * Samples that one run of its program takes, if the number is fixed; checked against the batches before the first
   * step.
   */
  readonly batchSize?: number;
  /** Inputs of one run of its program. */
  readonly inputs: Readonly<Record<string, SpecLike>>;
  /** The most telling metric of its progress, for displays; only the loss unless given. */
  readonly watch?: string;
  /**
   * Values of the inputs, the same for the same step and batch. If a batch is trained on in parts, this gets the whole
   * batch, and the rows of the result are divided among the parts.
   */
  feeds(progress: Progress, batch: Batch): HostTensors;
  /** Scalars to log with the step besides its outputs: values of schedules. */
  scalars?(progress: Progress): Readonly<Record<string, number>>;
  /** Traces the loss and the metrics. */
  trace(context: PhaseContext): ObjectiveResult;
}

import type { Tensor, Tensors } from '@flowmap/tensor';
import type { Progress } from '../plugins.js';

/** A number that depends only on the progress of a run. */
export type Schedule = (progress: Progress) => number;

/** A parameter and its slots before or after an update, all symbolic and shaped as the parameter. */
export interface ParameterUpdate {
  readonly parameter: Tensor;
  /** The optimizer's slots of this parameter. */
  readonly slots: Tensors;
}

/** A rule that moves parameters against their gradient, traced into the training step once. */
export interface Optimizer {
  readonly name: string;
  /** Its settings, defaults included: recorded with a run, and compared when the run is resumed. */
  readonly config: Readonly<Record<string, number>>;
  /** Names of the tensors it keeps for every parameter; all start at zero. */
  readonly slots: readonly string[];
  /**
   * The numbers that change from step to step, computed on the host; each becomes a scalar input.
   *
   * @param learningRate at this step
   * @param step counted from 0
   */
  scalars(learningRate: number, step: number): Readonly<Record<string, number>>;
  /** Traces the update of one parameter; `scalars` are the inputs with the names returned above. */
  update(current: ParameterUpdate, gradient: Tensor, scalars: Tensors): ParameterUpdate;
}

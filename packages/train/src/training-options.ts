import type { Callback, Loader, Phase } from '@flowmap/core';
import type { Runtime } from '@flowmap/tensor';
import type { Trainees } from './internal/groups.js';
import type { RunStore } from './run-store.js';

/** Options of a training. */
export interface TrainingOptions {
  readonly runtime: Runtime;
  readonly trainees: Trainees;
  /** What happens in a step, in order. */
  readonly phases: readonly Phase[];
  /** The batch of each step. */
  readonly batches: Pick<Loader, 'batch' | 'batchSize'>;
  /** Number of steps, at least 1. */
  readonly iterations: number;
  /**
   * Number of parts that a batch is split into, at least 1; 1 unless given. Each has the size that the phases' programs
   * take, and their gradients are averaged: for batches that do not fit into memory.
   */
  readonly parts?: number;
  /** Steps taken by one run of the compiled program, at least 1; 1 unless given. */
  readonly stepsPerRun?: number;
  /** Called in order. */
  readonly callbacks?: readonly Callback[];
  /** Where checkpoints and the log are kept; in memory unless given. */
  readonly store?: RunStore;
  /**
   * Aborting saves a checkpoint after the current run of steps and ends the training, which can be resumed with its
   * store.
   */
  readonly signal?: AbortSignal | undefined;
}

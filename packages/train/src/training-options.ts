import type { Callback, Loader, Phase } from '@flowmap/core';
import type { Runtime } from '@flowmap/tensor';
import type { Trainees } from './internal/groups.js';
import type { RunStore } from './run-store.js';

/** What a training is made of. */
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
   * Parts that a batch is trained on in, at least 1; 1 unless given. Each is as large as the phases' programs take, and their gradients are
   * averaged: for batches that do not fit the memory.
   */
  readonly parts?: number;
  /** Steps that one run of the compiled program takes, at least 1; 1 unless given. */
  readonly stepsPerRun?: number;
  /** Called in their order. */
  readonly callbacks?: readonly Callback[];
  /** Where checkpoints and the log are kept; in memory unless given. */
  readonly store?: RunStore;
  /** Aborting saves a checkpoint after the current run of steps and ends the training; with its store it can go on. */
  readonly signal?: AbortSignal | undefined;
}

import { FlowmapError } from '@flowmap/core';

/** Training that met a NaN or an infinity and stopped; checkpoints made before are whole. */
export class NonFiniteError extends FlowmapError {
  constructor(
    /** What was not finite first, in the order of computation: a metric's name, `loss`, `gradientNorm` or a part of the state. */
    readonly quantity: string,
    readonly value: number,
    /** Number of the step, counted from 1. */
    readonly step: number,
    /** Folder of the last good checkpoint; undefined when there is none yet. */
    readonly checkpoint: string | undefined,
  ) {
    const kept = checkpoint === undefined ? 'there is no checkpoint yet' : `the last good checkpoint is ${checkpoint}`;
    super(`training stopped at step ${step}: ${quantity} became ${value}; ${kept}. A lower learning rate may help`);
  }
}

/** A run folder whose unfinished run had other settings than the one that would resume it. */
export class RunMismatchError extends FlowmapError {
  constructor(
    readonly folder: string,
    /** What differs: `seed: 0 there, 1 now`. */
    readonly differences: readonly string[],
  ) {
    super(
      `${folder} holds an unfinished run with other settings (${differences.join('; ')}); ` +
        `resume it with its own, choose another folder, or remove it`,
    );
  }
}

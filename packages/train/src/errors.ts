import { FlowmapError } from '@flowmap/core';
import { RuntimeUnavailableError, specText, type TensorSpec } from '@flowmap/tensor';

/** Training stopped at a NaN or an infinity; checkpoints made before it are intact. */
export class NonFiniteError extends FlowmapError {
  constructor(
    /**
     * The first quantity that was not finite, in the order of computation: a metric's name, `loss`, `gradientNorm` or a
     * part of the state.
     */
    readonly quantity: string,
    readonly value: number,
    /** Number of the step, counted from 1. */
    readonly step: number,
    /** Folder of the last good checkpoint; undefined if there is none yet. */
    readonly checkpoint: string | undefined,
  ) {
    const kept = checkpoint === undefined ? 'there is no checkpoint yet' : `the last good checkpoint is ${checkpoint}`;
    super(`training stopped at step ${step}: ${quantity} became ${value}; ${kept}. A lower learning rate may help`);
  }
}

/** An opaque field failed to give velocities; checkpoints made before are intact. */
export class OpaqueFieldError extends FlowmapError {
  constructor(
    /** The field's name among the phase's opaque fields, such as `teacher`. */
    readonly field: string,
    wanted: TensorSpec,
    got: string,
    options?: ErrorOptions,
  ) {
    super(
      `${field}: wanted finite velocities ${specText(wanted)}, shaped as the points that it was asked at; got ${got}`,
      options,
    );
  }
}

/** The runtime failed during training: its device was lost or ran out of memory. Checkpoints made before are intact. */
export class RuntimeLostError extends RuntimeUnavailableError {
  constructor(
    /** The runtime's own error. */
    error: RuntimeUnavailableError,
    /** Steps taken before the failure. */
    readonly step: number,
    /** Folder of the last checkpoint; undefined if there is none yet. */
    readonly checkpoint: string | undefined,
  ) {
    const kept =
      checkpoint === undefined
        ? 'there is no checkpoint yet'
        : `the last checkpoint, ${checkpoint}, is whole, and the same call with a runtime that works goes on from it`;
    super(error.runtime, `training stopped after step ${step}; ${kept}. ${error.message}`, { cause: error });
  }
}

/** The run folder holds an unfinished run whose settings differ from those of the run that would resume it. */
export class RunMismatchError extends FlowmapError {
  constructor(
    readonly folder: string,
    /** The differences, such as `seed: 0 there, 1 now`. */
    readonly differences: readonly string[],
  ) {
    super(
      `${folder} holds an unfinished run with other settings (${inWords(differences)}); ` +
        `resume it with its own, choose another folder, or remove it`,
    );
  }
}

/** Largest number of differences listed in a message. */
const TOLD = 8;

function inWords(differences: readonly string[]): string {
  const more = differences.length - TOLD;
  return differences.slice(0, TOLD).join('; ') + (more > 0 ? `; and ${more} more` : '');
}

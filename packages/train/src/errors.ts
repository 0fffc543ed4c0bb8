import { FlowmapError } from '@flowmap/core';
import { RuntimeUnavailableError, specText, type TensorSpec } from '@flowmap/tensor';
import type { PowerProfile } from './internal/power-profile.js';

/** The batch of a step that gave a NaN or an infinity. */
export interface SuspectBatch {
  /** What is not finite in it, such as `x0, sample 3: NaN`; undefined if everything is finite. */
  readonly fault: string | undefined;
  /** Where its inputs are kept; undefined if they are not kept. */
  readonly place: string | undefined;
}

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
    /** The batch of that step, if it was examined. */
    readonly batch?: SuspectBatch,
  ) {
    const stopped = `training stopped at step ${step}: ${quantity} became ${value}; ${keptText(checkpoint)}`;
    super(`${stopped}. ${batchText(batch)}${batch?.fault === undefined ? goOn(checkpoint) : 'Mend the data first'}`);
  }
}

/** A schedule gave a NaN or an infinity; training stopped before that step, and checkpoints made before are intact. */
export class ScheduleError extends FlowmapError {
  constructor(
    /** What it schedules: `learningRate`, `averages.ema`, or one of the phase's own names. */
    readonly schedule: string,
    readonly value: number,
    /** Number of the step, counted from 1. */
    readonly step: number,
    /** Folder of the last good checkpoint; undefined if there is none yet. */
    readonly checkpoint: string | undefined,
  ) {
    const wanted = `wanted a finite number at every step, got ${value} at step ${step}`;
    super(`the schedule of ${schedule}: ${wanted}; training stopped before it, and ${keptText(checkpoint)}`);
  }
}

function keptText(checkpoint: string | undefined): string {
  return checkpoint === undefined ? 'there is no checkpoint yet' : `the last good checkpoint is ${checkpoint}`;
}

function batchText(batch: SuspectBatch | undefined): string {
  if (batch === undefined) return '';
  const kept = batch.place === undefined ? '' : `; they are kept in ${batch.place}`;
  return `The inputs of that step are ${batch.fault === undefined ? 'finite' : `not finite (${batch.fault})`}${kept}. `;
}

function goOn(checkpoint: string | undefined): string {
  const from = ": to go on from the checkpoint, make the same call with one and whenFinished: 'extend'";
  return `A lower learning rate may help${checkpoint === undefined ? '' : from}`;
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

/** The snapshots at hand cannot represent an average of this width at this step. */
export class ReconstructionError extends FlowmapError {
  /** Width of the requested average. */
  readonly width: number;
  /** Step of the requested average. */
  readonly step: number;
  /** Distance of the nearest combination from it, relative to its norm. */
  readonly residual: number;
  /** Largest distance that was accepted. */
  readonly maxResidual: number;

  constructor(
    { width, step }: PowerProfile,
    { residual, maxResidual }: { readonly residual: number; readonly maxResidual: number },
    snapshots: readonly PowerProfile[],
  ) {
    const widths = [...new Set(snapshots.map((snapshot) => snapshot.width))].sort((a, b) => a - b);
    const steps = snapshots.map((snapshot) => snapshot.step);
    const range = `widths ${widths.join(', ')} and steps ${Math.min(...steps)} to ${Math.max(...steps)}`;
    const distance = `represent it to ${residual.toPrecision(2)} of its norm, wanted at most ${maxResidual}`;
    const advice = 'Take a width and a step nearer to theirs, or train with more of them, of two widths';
    super(
      `an average of width ${width} at step ${step}: ${snapshots.length} snapshots, of ${range}, ${distance}. ${advice}`,
    );
    this.width = width;
    this.step = step;
    this.residual = residual;
    this.maxResidual = maxResidual;
  }
}

/** The run folder holds a run whose settings differ from those of the run that would resume it, or load its result. */
export class RunMismatchError extends FlowmapError {
  constructor(
    readonly folder: string,
    /** The differences, such as `seed: 0 there, 1 now`. */
    readonly differences: readonly string[],
    /** What else can be done. */
    advice = 'resume it with its own',
  ) {
    super(`${folder} holds a run with other settings (${inWords(differences)}); ${advice}, or choose another folder`);
  }
}

/** Largest number of differences listed in a message. */
const TOLD = 8;

function inWords(differences: readonly string[]): string {
  const more = differences.length - TOLD;
  return differences.slice(0, TOLD).join('; ') + (more > 0 ? `; and ${more} more` : '');
}

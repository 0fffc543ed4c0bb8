import { FlowmapError } from '@flowmap/core';
import { RuntimeUnavailableError, specText, type TensorSpec } from '@flowmap/tensor';
import type { PowerProfile } from './internal/power-profile.js';

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

/** A field that only runs and did not give velocities; checkpoints made before are whole. */
export class OpaqueFieldError extends FlowmapError {
  constructor(
    /** Its name among the phase's opaque fields: `teacher`. */
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

/** A runtime that failed while it trained: its device was lost or ran out of memory. Checkpoints made before are whole. */
export class RuntimeLostError extends RuntimeUnavailableError {
  constructor(
    /** What the runtime said. */
    error: RuntimeUnavailableError,
    /** Steps taken before. */
    readonly step: number,
    /** Folder of the last checkpoint; undefined when there is none yet. */
    readonly checkpoint: string | undefined,
  ) {
    const kept =
      checkpoint === undefined
        ? 'there is no checkpoint yet'
        : `the last checkpoint, ${checkpoint}, is whole, and the same call with a runtime that works goes on from it`;
    super(error.runtime, `training stopped after step ${step}; ${kept}. ${error.message}`, { cause: error });
  }
}

/** An average of a width, at a step, that snapshots of others cannot represent. */
export class ReconstructionError extends FlowmapError {
  /** Width of the average that was wanted. */
  readonly width: number;
  /** The step that it was wanted of. */
  readonly step: number;
  /** How far the nearest combination is from it, relative to it. */
  readonly residual: number;
  /** How far it may be. */
  readonly maxResidual: number;

  constructor(
    { width, step }: PowerProfile,
    { residual, maxResidual }: { readonly residual: number; readonly maxResidual: number },
    snapshots: readonly PowerProfile[],
  ) {
    const widths = [...new Set(snapshots.map((snapshot) => snapshot.width))].sort((a, b) => a - b);
    const steps = snapshots.map((snapshot) => snapshot.step);
    const there = `${snapshots.length} snapshots, of widths ${widths.join(', ')} and steps ${Math.min(...steps)} to ${Math.max(...steps)},`;
    const distance = `represent it to ${residual.toPrecision(2)} of its norm, wanted at most ${maxResidual}`;
    const advice = 'Take a width and a step nearer to theirs, or train with more of them, of two widths';
    super(`an average of width ${width} at step ${step}: ${there} ${distance}. ${advice}`);
    this.width = width;
    this.step = step;
    this.residual = residual;
    this.maxResidual = maxResidual;
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
      `${folder} holds an unfinished run with other settings (${inWords(differences)}); ` +
        `resume it with its own, choose another folder, or remove it`,
    );
  }
}

/** Most differences that a message tells. */
const TOLD = 8;

function inWords(differences: readonly string[]): string {
  const more = differences.length - TOLD;
  return differences.slice(0, TOLD).join('; ') + (more > 0 ? `; and ${more} more` : '');
}

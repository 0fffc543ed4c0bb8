import type { Phase, Progress, Trainee } from '@flowmap/core';
import type { HostTensors } from '@flowmap/tensor';
import { NonFiniteError, ScheduleError } from '../errors.js';

/**
 * Checks that the quantities of a step are finite.
 *
 * @param values in the order in which they are computed
 * @throws {NonFiniteError} naming the first quantity that is not finite
 */
export function requireFinite(
  values: Readonly<Record<string, number>>,
  step: number,
  checkpoint: string | undefined,
): void {
  for (const [quantity, value] of Object.entries(values)) {
    if (!Number.isFinite(value)) throw new NonFiniteError(quantity, value, step, checkpoint);
  }
}

/**
 * Checks a state before it becomes a checkpoint: an update may overflow although the step's quantities were finite.
 *
 * @throws {NonFiniteError} naming the first state with a value that is not finite
 */
export function requireFiniteState(state: HostTensors, step: number, checkpoint: string | undefined): void {
  for (const [name, { data }] of Object.entries(state)) {
    for (const value of data) {
      if (!Number.isFinite(value)) throw new NonFiniteError(name, value, step, checkpoint);
    }
  }
}

/**
 * Checks the schedules of a phase's step before it is taken.
 *
 * @throws {ScheduleError} naming the first that is not finite
 */
export function requireFiniteSchedules(
  phase: Phase,
  { learningRate, averages }: Trainee,
  progress: Progress,
  checkpoint: string | undefined,
): void {
  const values = [
    ['learningRate', learningRate(progress)] as const,
    ...Object.entries(averages).map(([name, decay]) => [`averages.${name}`, decay(progress)] as const),
    ...Object.entries(phase.scalars?.(progress) ?? {}),
  ];
  for (const [name, value] of values) {
    if (!Number.isFinite(value)) throw new ScheduleError(name, value, progress.step + 1, checkpoint);
  }
}

/** The first value among inputs that is not finite, as `x0, sample 3: NaN`; undefined if all are. */
export function faultIn(inputs: HostTensors): string | undefined {
  for (const [name, { shape, data }] of Object.entries(inputs)) {
    const at = data.findIndex((value) => !Number.isFinite(value));
    if (at === -1) continue;
    const sample = shape.length > 0 ? `, sample ${Math.floor(at / (data.length / shape[0]!))}` : '';
    return `${name}${sample}: ${data[at]}`;
  }
  return undefined;
}

import type { HostTensors } from '@flowmap/tensor';
import { NonFiniteError } from '../errors.js';

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

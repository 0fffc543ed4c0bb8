import { join } from 'node:path';
import { CheckpointError, quoted } from '@flowmap/core';
import { sameShape, specText, type TensorSpec } from '@flowmap/tensor';
import { stateName, type Trainees } from '../internal/groups.js';
import type { Checkpoint } from '../run-store.js';
import { STATE_FILE } from './checkpoints.js';

/**
 * Checks that this run could have made a checkpoint, whose files may each be valid on their own.
 *
 * @param folder folder of the checkpoint
 * @throws {CheckpointError} naming the file, and the tensor if one is missing, foreign or of another shape
 */
export function requireFit(
  { step, state }: Checkpoint,
  { iterations, trainees }: { readonly iterations: number; readonly trainees: Trainees },
  folder: string,
): void {
  if (step > iterations) {
    throw new CheckpointError(join(folder, 'state.json'), `is of step ${step}, the run has ${iterations}`);
  }
  const source = join(folder, STATE_FILE);
  const wanted = statesOf(trainees);
  for (const [tensor, spec] of Object.entries(wanted)) {
    const got = Object.hasOwn(state, tensor) ? state[tensor] : undefined;
    if (got?.dtype === spec.dtype && sameShape(got.shape, spec.shape)) continue;
    const fault = `wanted ${quoted(tensor)} as ${specText(spec)}, got ${got ? specText(got) : 'none'}`;
    throw new CheckpointError(source, fault, { tensor });
  }
  const foreign = Object.keys(state).find((name) => !Object.hasOwn(wanted, name));
  if (foreign !== undefined) {
    throw new CheckpointError(source, `the run has no tensor ${quoted(foreign)}`, { tensor: foreign });
  }
}

/** The states in a checkpoint: all parameters, and what is kept for those that steps change. */
function statesOf(trainees: Trainees): Record<string, TensorSpec> {
  const specs: Record<string, TensorSpec> = {};
  for (const [name, { parameters, optimizer, averages }] of Object.entries(trainees)) {
    for (const [parameter, { shape, dtype, fixed }] of Object.entries(parameters)) {
      const kept = fixed === true ? [] : [...optimizer.slots, ...Object.keys(averages)];
      for (const part of ['params', ...kept]) specs[stateName(name, part, parameter)] = { shape, dtype };
    }
  }
  return specs;
}

import { join } from 'node:path';
import { CheckpointError, quoted } from '@flowmap/core';
import { specText, sameShape, type HostTensors } from '@flowmap/tensor';
import { withPrefix } from '../internal/names.js';
import type { Checkpoint } from './checkpoints.js';
import type { TrainSetup } from './setup.js';

/**
 * Checks that a checkpoint, whose files may each be whole, is one that this run could have made.
 *
 * @param folder where the checkpoint is
 * @throws {CheckpointError} naming the file, and the tensor where it is one that is missing, foreign or of another shape
 */
export function requireFit(
  { step, model, ema, optimizer }: Checkpoint,
  setup: Pick<TrainSetup, 'iterations' | 'initialParams' | 'optimizer'>,
  folder: string,
): void {
  const { iterations, initialParams } = setup;
  if (step > iterations) {
    throw new CheckpointError(join(folder, 'state.json'), `is of step ${step}, the run has ${iterations}`);
  }
  const slots = setup.optimizer.slots.flatMap((slot) => Object.entries(withPrefix(slot, initialParams)));
  requireSame(model.params, initialParams, join(folder, 'model.safetensors'));
  requireSame(ema.params, initialParams, join(folder, 'ema.safetensors'));
  requireSame(optimizer, Object.fromEntries(slots), join(folder, 'optimizer.safetensors'));
}

function requireSame(there: HostTensors, wanted: HostTensors, source: string): void {
  for (const [tensor, { shape, dtype }] of Object.entries(wanted)) {
    const got = Object.hasOwn(there, tensor) ? there[tensor] : undefined;
    if (got?.dtype === dtype && sameShape(got.shape, shape)) continue;
    const fault = `wanted ${quoted(tensor)} as ${specText({ shape, dtype })}, got ${got ? specText(got) : 'none'}`;
    throw new CheckpointError(source, fault, { tensor });
  }
  const foreign = Object.keys(there).find((name) => !Object.hasOwn(wanted, name));
  if (foreign !== undefined) {
    throw new CheckpointError(source, `the run has no tensor ${quoted(foreign)}`, { tensor: foreign });
  }
}

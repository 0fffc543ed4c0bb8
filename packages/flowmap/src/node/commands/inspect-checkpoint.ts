import { stat } from 'node:fs/promises';
import type { Answer } from './command.js';
import { openModel } from './open-model.js';
import { shownNetwork, type Fields } from './shown-network.js';

/**
 * What a checkpoint holds.
 *
 * @throws {CheckpointError} for a file that is not a checkpoint, or is damaged
 */
export async function inspectCheckpoint(path: string): Promise<Answer> {
  const { sizeOf } = await import('@flowmap/tensor');
  const {
    kind,
    network,
    classes,
    path: between = 'linear',
    parametrization = 'euler',
    training,
  } = await openModel(path);
  const specs = Object.values(network.parameters);
  return {
    kind: kind === 'flowMap' ? 'flow map' : 'velocity field',
    network: shownNetwork(network.config as unknown as Fields),
    parameters: specs.reduce((total, { shape }) => total + sizeOf(shape), 0),
    classes,
    conditions: Object.keys(network.conditions),
    path: between,
    parametrization,
    training: training ?? null,
    bytes: (await stat(path)).size,
  };
}

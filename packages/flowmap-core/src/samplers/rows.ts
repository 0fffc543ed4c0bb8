import {
  hostZeros,
  sameShape,
  ShapeError,
  sizeOf,
  type HostTensor,
  type HostTensors,
  type Shape,
} from '@flowmap/tensor';
import { requireConditions, requireKnown } from '../conditions.js';
import type { Network } from '../plugins.js';
import type { SampleArguments } from './sample-request.js';

/**
 * Checks points and the rows of conditions for them.
 *
 * @returns the conditions as tensors `[count, ...shape]`
 * @throws {ShapeError} for points that are not `[count, ...shape]`
 * @throws {ConfigError} for conditions that the network lacks or does not take
 */
export function checkedRows(
  { config: { shape, type }, conditions: specs }: Pick<Network, 'config' | 'conditions'>,
  { noise, conditions = {} }: Pick<SampleArguments, 'noise' | 'conditions'>,
): HostTensors {
  checkNoise(noise, shape);
  requireKnown('conditions', type, specs, conditions);
  return requireConditions('conditions', specs, conditions, noise.shape[0]!);
}

/** The rows of a batch, padded with zeros, which are valid values of every condition. */
export function rowsOf(conditions: HostTensors, first: number, batchSize: number): HostTensors {
  const parts = Object.entries(conditions).map(([name, { shape, dtype, data }]) => {
    const size = sizeOf(shape.slice(1));
    const part = hostZeros({ shape: [batchSize, ...shape.slice(1)], dtype });
    part.data.set(data.subarray(first * size, (first + batchSize) * size));
    return [name, part];
  });
  return Object.fromEntries(parts) as HostTensors;
}

function checkNoise(noise: HostTensor, shape: Shape): void {
  if (!sameShape(noise.shape.slice(1), shape) || noise.dtype !== 'float32') {
    throw new ShapeError('sample, noise', `[count, ${shape.join(', ')}]`, [noise.shape]);
  }
}

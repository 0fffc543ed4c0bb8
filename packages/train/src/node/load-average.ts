import { CheckpointError, ConfigError, type Model, type ReadOptions } from '@flowmap/core';
import { requireKnownOptions } from '@flowmap/tensor';
import { reconstructAverage } from '../reconstruct-average.js';
import { openSnapshots } from './kept.js';

/** Selects an average of a run. */
export interface LoadAverageOptions {
  /** Width of the average, in (0, 0.28), as in `powerEma`; it need not have been tracked. */
  readonly width: number;
  /** Step of the average; that of the latest snapshot unless given. */
  readonly step?: number;
  /** Name of the trainee; the only one with snapshots unless given. */
  readonly trainee?: string;
  /** Names of the averages whose snapshots are used; all that have some unless given. */
  readonly averages?: readonly string[];
  /** Largest accepted distance from the average itself, relative to its norm, in [0, 1); 0.05 unless given. */
  readonly maxResidual?: number;
}

/**
 * Loads an average of a run's weights, of a width that need not have been tracked, from the snapshots in its folder.
 *
 * @param folder of a run with the callback `snapshots`, finished or not
 * @param reading how much each file may ask for, and whether its checksums are compared
 * @throws {CheckpointError} when the folder has no snapshots, or they are damaged, exceed a limit, or belong to
 *   different networks
 * @throws {ConfigError} for a trainee or an average without snapshots there, or a width or step out of its range
 * @throws {ReconstructionError} when the snapshots cannot represent the width at the step
 *
 * @example
 * const model = await loadAverage('runs/student', { width: 0.07 });
 */
export async function loadAverage(folder: string, options: LoadAverageOptions, reading?: ReadOptions): Promise<Model> {
  requireKnownOptions('loadAverage', options, {
    width: true,
    step: true,
    trainee: true,
    averages: true,
    maxResidual: true,
  });
  const { width, step, averages, maxResidual, ...given } = options;
  const all = await openSnapshots(folder, reading);
  if (all.length === 0) {
    throw new CheckpointError(folder, 'has no snapshots; train with the callback snapshots to have some');
  }
  const trainees = [...new Set(all.map((snapshot) => snapshot.trainee))];
  const trainee = given.trainee ?? trainees[0]!;
  if (!trainees.includes(trainee) || (given.trainee === undefined && trainees.length > 1)) {
    throw new ConfigError(
      'trainee',
      `wanted one of those with snapshots in ${folder}, which are ${trainees.join(', ')}`,
    );
  }
  const own = all.filter((snapshot) => snapshot.trainee === trainee);
  const known = [...new Set(own.map(({ average }) => average))];
  const missing = averages?.find((average) => !known.includes(average));
  if (missing !== undefined) {
    throw new ConfigError('averages', `${folder} has no snapshots of '${missing}'; it has them of ${known.join(', ')}`);
  }
  const snapshots = own.filter(({ average }) => averages?.includes(average) ?? true);
  return (await reconstructAverage({ snapshots, width, step, maxResidual })).model;
}

import { ConfigError, type Callback, type Trainee } from '@flowmap/core';
import { requireKnownOptions, requireWhole } from '@flowmap/tensor';
import type { PowerEma } from '../ema.js';
import { SNAPSHOT, snapshotName, type SnapshotFacts } from '../snapshots.js';
import { onlyModel } from '../trainee.js';

/** Options of {@link snapshots}. */
export interface SnapshotsOptions {
  /** Steps between two snapshots, at least 1; the last step always has one. */
  readonly every: number;
  /** Names of the averages, which must use `powerEma`; all that do unless given. */
  readonly averages?: readonly string[];
  /** Name of the trainee; by default the only one that has a model. */
  readonly trainee?: string;
}

/**
 * Keeps the averages of the weights after every n-th step and the last, so that `reconstructAverage` can combine them
 * into averages of other widths. Averages of widths 0.05 and 0.1, with 16 snapshots of each, give all widths from 0.04
 * to 0.2. Each snapshot is stored as a model, in `kept` of the store.
 *
 * @throws {ConfigError} for a number of steps that is not whole or less than 1; in training, before the first step, for
 *   an unknown trainee or average, an average without a power-function profile, or if there is no average with one
 *
 * @example
 * await train({ ...options, callbacks: [snapshots({ every: 500 })] });
 */
export function snapshots(options: SnapshotsOptions): Callback {
  requireKnownOptions('snapshots', options, { every: true, averages: true, trainee: true });
  const { every, averages, trainee } = options;
  requireWhole('snapshots.every', every);
  let kinds: Omit<SnapshotFacts, 'step'>[] = [];
  let kept = -1;
  return {
    name: 'snapshots',
    every,
    prepare({ trainees }) {
      const name = trainee ?? onlyModel(trainees);
      const trained = Object.hasOwn(trainees, name) ? trainees[name] : undefined;
      if (trained?.model === undefined) {
        throw new ConfigError('snapshots.trainee', `'${name}' is no model of this training`);
      }
      kinds = profilesOf(trained, averages).map((profile) => ({ trainee: name, ...profile }));
      kept = -1;
    },
    async run(moment) {
      const step = moment.modelStep;
      if (step === kept) return; // several steps in one run of the program
      for (const kind of kinds) {
        const facts = { ...kind, step };
        const model = await moment.model({ trainee: kind.trainee, average: kind.average });
        await moment.keep(snapshotName(facts), { ...model, training: { ...model.training, [SNAPSHOT]: facts } });
      }
      kept = step;
    },
  };
}

/** The averages to keep, and their widths. */
function profilesOf(
  { averages }: Trainee,
  wanted: readonly string[] | undefined,
): Pick<SnapshotFacts, 'average' | 'width'>[] {
  const withProfile = Object.keys(averages).filter((name) => widthOf(averages, name) !== undefined);
  const [option, fit] = ['snapshots.averages', `those by powerEma are: ${withProfile.join(', ') || 'none'}`];
  if (withProfile.length === 0 && wanted === undefined) {
    throw new ConfigError(option, `wanted an average by powerEma to keep, there is none`);
  }
  return (wanted ?? withProfile).map((average) => {
    if (!Object.hasOwn(averages, average)) throw new ConfigError(option, `there is no average '${average}'; ${fit}`);
    const width = widthOf(averages, average);
    if (width !== undefined) return { average, width };
    throw new ConfigError(option, `'${average}' has no power-function profile to make others of; ${fit}`);
  });
}

function widthOf(averages: Trainee['averages'], name: string): number | undefined {
  return (averages[name] as Partial<PowerEma> | undefined)?.width;
}

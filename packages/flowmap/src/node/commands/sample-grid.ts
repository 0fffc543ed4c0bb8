import { flag, positive, unitNumbers, whole, type Config } from '../command-line/options.js';
import type { SamplerName } from './samplers.js';

/** The options that choose the times of the steps. */
export const GRID_OPTIONS = {
  steps: whole('steps from noise to data; 4 for a flow map and 32 for a velocity field unless given', null),
  shift: positive('moves the times of the steps towards noise if above 1, towards data if below; 1 unless given', null),
  times: unitNumbers('the times themselves, from 1 = noise to 0 = data, in place of --steps', null),
  restart: flag('noise the points anew where --times go up'),
  tolerance: positive('error of a step of --sampler dormand-prince, which then chooses its steps itself', null),
};

type GridConfig = Config<typeof GRID_OPTIONS> & { readonly sampler: SamplerName | null };

/** The times of a grid with that many steps unless the options say; undefined where the sampler chooses its steps. */
export type ChosenGrid = (fallback: number) => readonly number[] | undefined;

/**
 * The grid that the options choose, before a model says how many steps there are unless given.
 *
 * @throws {ConfigError} for options that have no effect beside others, and for times that are no grid
 */
export async function chosenGrid(config: GridConfig): Promise<ChosenGrid> {
  const { ConfigError, shiftedGrid } = await import('@flowmap/core');
  const { steps, shift, times, restart, tolerance, sampler } = config;
  const chosen = { steps, shift, times, restart: restart ? true : null };
  const refuse = (among: readonly (keyof typeof chosen)[], beside: string): void => {
    const idle = among.find((name) => chosen[name] !== null);
    if (idle !== undefined) throw new ConfigError(`--${idle}`, `has no effect beside ${beside}`);
  };
  if (tolerance !== null) {
    if (sampler !== 'dormand-prince') {
      throw new ConfigError('--tolerance', 'has no effect without --sampler dormand-prince');
    }
    refuse(['steps', 'shift', 'times', 'restart'], '--tolerance, which decides on the steps');
    return () => undefined;
  }
  if (times === null) {
    refuse(['restart'], '--steps, whose times never go up; give --times');
    if (steps === 1) refuse(['shift'], '--steps 1, which has no time between noise and data');
    return (fallback) => Array.from(shiftedGrid(steps ?? fallback, shift ?? 1));
  }
  refuse(['steps', 'shift'], '--times');
  if (times.length < 2 || times[0] !== 1 || times.at(-1) !== 0) {
    throw new ConfigError('--times', `wanted times from 1 to 0, such as 1,0.7,0.3,0; got ${times.join(',')}`);
  }
  const goesUp = times.some((time, i) => i > 0 && time > times[i - 1]!);
  if (restart && !goesUp) throw new ConfigError('--restart', 'has no effect with --times that never go up');
  if (goesUp && !restart) {
    throw new ConfigError('--times', 'wanted times that go down; give --restart to noise the points where they go up');
  }
  return () => times;
}

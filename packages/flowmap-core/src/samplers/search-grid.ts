import { inWords, requireKnownOptions, requireWhole } from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import { uniformGrid } from './grid.js';

/** Options of {@link searchGrid}. */
export interface GridSearchOptions {
  /** Steps of the grid, at least 2. */
  readonly steps: number;
  /** How bad a grid is: the lower, the better. {@link endpointScore} makes one. */
  readonly score: (times: Float32Array) => number | Promise<number>;
  /** The grid to begin with, `steps + 1` descending times, whose ends stay; the uniform grid unless given. */
  readonly start?: ArrayLike<number>;
  /** The search ends when no time wants to move by this much; 0.01, or 1 / (16 steps) if that is less, unless given. */
  readonly resolution?: number;
  /** The most grids to score, at least 1; 200 unless given. */
  readonly evaluations?: number;
}

/** The grid that a search has found. */
export interface FoundGrid {
  /** `steps + 1` descending times. */
  readonly times: Float32Array<ArrayBuffer>;
  /** Its score. */
  readonly score: number;
  /** The score of the grid that the search began with. */
  readonly startScore: number;
  /** Number of grids that were scored. */
  readonly evaluations: number;
  /** Whether it came to the resolution before it ran out of evaluations. */
  readonly converged: boolean;
}

/** Beside its neighbours, a time keeps this share of a move's length. */
const MARGIN = 0.1;

/**
 * Searches the inner times of a grid for the lowest score, by compass search (Kolda, Lewis & Torczon, "Optimization by
 * direct search", 2003): each time in turn is moved up and down by a length, moves that lower the score are kept, and
 * the length is halved when none does. It never ends with a higher score than it began with, and finds a local minimum
 * of a smooth score.
 *
 * @throws {ConfigError} for an unknown option, fewer than 2 steps, a starting grid of another length or that does not
 *   descend, a resolution that is not a number > 0, or a score that is not a number
 *
 * @example
 * const score = await endpointScore(runtime, student, { teacher, count: 16, seed: 0 });
 * const { times } = await searchGrid({ steps: 4, score });
 */
export async function searchGrid(options: GridSearchOptions): Promise<FoundGrid> {
  requireKnownOptions('searchGrid', options, {
    steps: true,
    score: true,
    start: true,
    resolution: true,
    evaluations: true,
  });
  const { steps, score, evaluations: most = 200 } = options;
  requireWhole('searchGrid.steps', steps, 2);
  const { resolution = Math.min(0.01, 1 / (16 * steps)) } = options;
  requireWhole('searchGrid.evaluations', most);
  if (!(resolution > 0)) throw new ConfigError('searchGrid.resolution', `wanted a number > 0, got ${resolution}`);
  let times = checkedStart(options.start ?? uniformGrid(steps), steps);
  let evaluations = 0;
  const scored = async (grid: Float32Array): Promise<number> => {
    evaluations++;
    const value = await score(grid.slice());
    if (typeof value === 'number' && !Number.isNaN(value)) return value;
    throw new ConfigError('searchGrid.score', `wanted a number for the grid ${grid.join(', ')}; got ${inWords(value)}`);
  };
  const startScore = await scored(times);
  let best = startScore;
  let length = (times[0]! - times[steps]!) / (2 * steps);
  while (length >= resolution && evaluations < most) {
    let moved = false;
    for (let i = 1; i < steps; i++) {
      for (const direction of [1, -1]) {
        if (evaluations >= most) break;
        const tried = times.slice();
        tried[i] = tried[i]! + direction * length;
        const room = MARGIN * length;
        if (!(tried[i]! <= tried[i - 1]! - room && tried[i]! >= tried[i + 1]! + room)) continue;
        const value = await scored(tried);
        if (value >= best) continue;
        [times, best, moved] = [tried, value, true];
        break;
      }
    }
    if (!moved) length /= 2;
  }
  return { times, score: best, startScore, evaluations, converged: length < resolution };
}

function checkedStart(start: ArrayLike<number>, steps: number): Float32Array<ArrayBuffer> {
  const times = Float32Array.from(start);
  const isGrid = times.every((time, i) => time >= 0 && time <= 1 && (i === 0 || time < times[i - 1]!));
  if (times.length === steps + 1 && isGrid) return times;
  const wanted = `wanted ${steps + 1} descending times in [0, 1]`;
  throw new ConfigError('searchGrid.start', `${wanted}, got ${Array.from(start).join(', ')}`);
}

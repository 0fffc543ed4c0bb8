import type { ScreenedSet, Screening } from './screened-distances.js';

/** Number of candidates of a row after which those that have become too far are dropped. */
const MANY = 32;

/** Rows that may be among the nearest of one row, and lower bounds of their squared distances. */
interface Candidates {
  readonly rows: number[];
  readonly least: number[];
}

/**
 * The exact squared distance of each row from its k-th nearest other row: distances that may be among the smallest by
 * their bounds are computed again in float64.
 */
export async function screenedRadii(screening: Screening, set: ScreenedSet, k: number): Promise<Float64Array> {
  const { count } = set.set;
  const size = k + 1;
  // The k + 1 smallest upper bounds of each row in ascending order, including the one for the row itself;
  // and the last of them.
  const upper = new Float64Array(count * size).fill(Infinity);
  const limits = new Float64Array(count).fill(Infinity);
  const candidates = Array.from({ length: count }, (): Candidates => ({ rows: [], least: [] }));
  const consider = (row: number, other: number, least: number): void => {
    const own = candidates[row]!;
    own.rows.push(other);
    own.least.push(least);
    const most = least + screening.slack(set, row, set, other);
    if (most < limits[row]!) {
      let at = row * size + k;
      for (; at > row * size && upper[at - 1]! > most; at--) upper[at] = upper[at - 1]!;
      upper[at] = most;
      limits[row] = upper[row * size + k]!;
    }
    if (own.rows.length % MANY === 0) candidates[row] = kept(own, limits[row]!);
  };
  await screening.eachTile(set, set, ({ first, rows, left, columns, least, stride }) => {
    // For a set and itself, tiles below the diagonal mirror those above it.
    const isMirrored = left > first;
    for (let i = first; i < first + rows; i++) {
      for (let j = left, at = (i - first) * stride; j < left + columns; j++, at++) {
        const value = least[at]!;
        if (value <= limits[i]!) consider(i, j, value);
        if (isMirrored && value <= limits[j]!) consider(j, i, value);
      }
    }
  });
  return Float64Array.from(candidates, (own, i) => {
    const { rows } = kept(own, limits[i]!);
    return rows.map((j) => screening.exact(set, i, set, j)).sort((x, y) => x - y)[k]!;
  });
}

/** The candidates that are still near enough. */
function kept({ rows, least }: Candidates, limit: number): Candidates {
  const places = [...rows.keys()].filter((place) => least[place]! <= limit);
  return { rows: places.map((place) => rows[place]!), least: places.map((place) => least[place]!) };
}

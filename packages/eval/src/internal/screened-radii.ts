import type { ScreenedSet, Screening } from './screened-distances.js';

/** Candidates of a row after which those are dropped that have become too far. */
const MANY = 32;

/** Rows that may be among the nearest of one row. */
interface Candidates {
  readonly rows: number[];
  /** The least that their squared distances can be. */
  readonly least: number[];
}

/**
 * The squared distance of each row from its k-th nearest other row, exactly: those that may be among the nearest by their
 * bounds are computed again in float64.
 */
export async function screenedRadii(screening: Screening, set: ScreenedSet, k: number): Promise<Float64Array> {
  const { count } = set.set;
  // The k + 1 smallest upper bounds of each row, including that for itself, ascending.
  const size = k + 1;
  const most = new Float64Array(count * size).fill(Infinity);
  const candidates = Array.from({ length: count }, (): Candidates => ({ rows: [], least: [] }));
  const consider = (row: number, other: number, about: number, off: number): void => {
    const last = row * size + k;
    if (about - off > most[last]!) return;
    const own = candidates[row]!;
    own.rows.push(other);
    own.least.push(about - off);
    const upper = about + off;
    if (upper < most[last]!) {
      let at = last;
      for (; at > row * size && most[at - 1]! > upper; at--) most[at] = most[at - 1]!;
      most[at] = upper;
    }
    if (own.rows.length % MANY === 0) candidates[row] = kept(own, most[last]!);
  };
  await screening.eachTile(set, set, ({ first, rows, left, columns, squared, stride }) => {
    for (let i = first; i < first + rows; i++) {
      const limit = i * size + k;
      for (let j = left, at = (i - first) * stride; j < left + columns; j++, at++) {
        const [about, off] = [squared[at]!, screening.bound(set, i, set, j)];
        if (about - off <= most[limit]!) consider(i, j, about, off);
        // Of a set from itself, tiles below the diagonal are those above it.
        if (left > first && about - off <= most[j * size + k]!) consider(j, i, about, off);
      }
    }
  });
  return Float64Array.from(candidates, (own, i) => {
    const { rows } = kept(own, most[i * size + k]!);
    return rows.map((j) => screening.exact(set, i, set, j)).sort((x, y) => x - y)[k]!;
  });
}

/** The candidates that are not too far. */
function kept({ rows, least }: Candidates, limit: number): Candidates {
  const places = [...rows.keys()].filter((place) => least[place]! <= limit);
  return { rows: places.map((place) => rows[place]!), least: places.map((place) => least[place]!) };
}

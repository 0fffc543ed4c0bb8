import type { Features } from '../features.js';
import { addProduct, squaredNorms } from '../linear-algebra/products.js';
import { doubles } from './doubles.js';

/** Number of rows of each side whose distances are in memory at a time. */
const ROWS = 256;
const COLUMNS = 1024;

/** Distances between some rows of two sets: entry `[i, j]` of `squared` is for rows `first + i` and `left + j`. */
export interface Tile {
  readonly first: number;
  readonly rows: number;
  readonly left: number;
  readonly columns: number;
  /** `[rows, columns]`; overwritten by the next tile. */
  readonly squared: Float64Array;
}

/**
 * Squared Euclidean distances of all rows of one set from all of another, tile by tile, so memory does not grow with
 * their number. The distance between equal rows is exactly 0.
 *
 * @param visit called with the tiles of the first rows, then with those of the next, and so on
 */
export function eachTile(a: Features, b: Features, visit: (tile: Tile) => void): void {
  const memory = new Float64Array(Math.min(ROWS, a.count) * Math.min(COLUMNS, b.count));
  for (let first = 0; first < a.count; first += ROWS) {
    const rows = Math.min(ROWS, a.count - first);
    const ofA = someRows(a, first, rows);
    for (let left = 0; left < b.count; left += COLUMNS) {
      const columns = Math.min(COLUMNS, b.count - left);
      const ofB = someRows(b, left, columns);
      const squared = memory.subarray(0, rows * columns);
      squared.fill(0);
      addProduct(squared, ofA.values, ofB.values, [rows, columns, a.width]);
      for (let i = 0, at = 0; i < rows; i++) {
        const norm = ofA.norms[i]!;
        for (let j = 0; j < columns; j++, at++) squared[at] = Math.max(0, norm + ofB.norms[j]! - 2 * squared[at]!);
      }
      visit({ first, rows, left, columns, squared });
    }
  }
}

function someRows(
  { values, width }: Features,
  first: number,
  count: number,
): { values: Float64Array; norms: Float64Array } {
  const rows = doubles(values.subarray(first * width, (first + count) * width));
  return { values: rows, norms: squaredNorms(rows, count, width) };
}

/**
 * The squared distance of each row from its k-th nearest other row.
 *
 * @param k less than the number of rows
 */
export function neighbourRadii(set: Features, k: number): Float64Array {
  // The k + 1 smallest distances of each row, including itself, in ascending order.
  const size = k + 1;
  const nearest = new Float64Array(set.count * size).fill(Infinity);
  eachTile(set, set, ({ first, rows, columns, squared }) => {
    for (let i = 0; i < rows; i++) {
      const start = (first + i) * size;
      for (let j = 0; j < columns; j++) {
        const value = squared[i * columns + j]!;
        if (value >= nearest[start + k]!) continue;
        let at = start + k;
        for (; at > start && nearest[at - 1]! > value; at--) nearest[at] = nearest[at - 1]!;
        nearest[at] = value;
      }
    }
  });
  return Float64Array.from({ length: set.count }, (_, i) => nearest[i * size + k]!);
}

import { hostTensor, program, type Runtime } from '@flowmap/tensor';
import { FeatureError } from '../errors.js';
import type { Features } from '../features.js';
import { rowProduct } from '../linear-algebra/products.js';

/** Number of samples of each side whose distances are in memory at a time. */
const SIDE = 1024;

/** Half the distance between neighbouring float32 numbers around 1. */
const ROUNDING = 2 ** -24;

/** The largest squared length at which squares of float32 numbers and their sums do not overflow. */
const MOST = 1e37;

/** A set whose distances from others are to be bounded. */
export interface ScreenedSet {
  readonly set: Features;
  /** Squared distances of the rows from the common centre. */
  readonly squares: Float64Array;
  /** Squared norms as in exact distances; NaN until they are needed. */
  readonly norms: Float64Array;
}

/** Distances between some rows of two sets: entry `[i, j]` is for rows `first + i` and `left + j`. */
export interface ScreenedTile {
  readonly first: number;
  readonly rows: number;
  readonly left: number;
  readonly columns: number;
  /** Lower bounds of the squared distances, at entry `i * stride + j`. */
  readonly least: Float32Array;
  readonly stride: number;
}

/** Bounds of squared distances from a runtime that computes in float32, and the distances in float64. */
export interface Screening {
  /** Prepares a set; the rows of all sets are centred in the same way. */
  prepare(set: Features): ScreenedSet;
  /**
   * Computes tiles of the distances of all rows of one set from all of another; for a set and itself, only those with
   * `left >= first`.
   */
  eachTile(a: ScreenedSet, b: ScreenedSet, visit: (tile: ScreenedTile) => void): Promise<void>;
  /** By how much the squared distance of two rows can exceed its lower bound. */
  slack(a: ScreenedSet, i: number, b: ScreenedSet, j: number): number;
  /** The squared distance of two rows, with the same bits as from `eachTile` in distances.ts. */
  exact(a: ScreenedSet, i: number, b: ScreenedSet, j: number): number;
  dispose(): Promise<void>;
}

/**
 * Compiles the products from which squared distances are made.
 *
 * With the rows `[x, (1 - e) |x|^2, 1]` and `[-2 y, 1, (1 - e) |y|^2]`, a product is `|x - y|^2 - e (|x|^2 + |y|^2)`,
 * off by at most `e (|x|^2 + |y|^2)` if e allows a rounding error for each term, its operands and the sum.
 *
 * @param runtime one whose matrix products are computed in float32
 * @param centre a point near the sets, subtracted before rounding: the mean of one of them
 * @param count number of samples of the larger set
 * @param most rows and columns of a tile, at most
 */
export async function openScreening(
  runtime: Runtime,
  centre: Float64Array,
  count: number,
  most = SIDE,
): Promise<Screening> {
  const width = centre.length;
  const side = Math.min(most, count);
  const shape = [side, width + 2];
  const share = 2 * (width + 8) * ROUNDING;
  const built = program('squared distances', { inputs: { a: shape, b: shape } }, ({ a, b }) => ({
    outputs: { least: a.matmul(b.transpose([1, 0])) },
  }));
  const executable = await runtime.compile(built);
  const [left, right] = [hostTensor(shape, new Float32Array(side * (width + 2))), new Float32Array(side * (width + 2))];

  /** Writes rows times a factor, and after each its square and a one, in the given order. */
  const write = (to: Float32Array, { set, squares }: ScreenedSet, first: number, factor: 1 | -2): void => {
    const rows = Math.min(side, set.count - first);
    const [squareAt, oneAt] = factor === 1 ? [width, width + 1] : [width + 1, width];
    for (let i = 0, from = first * width; i < rows; i++) {
      const start = i * (width + 2);
      for (let j = 0; j < width; j++, from++) to[start + j] = factor * (set.values[from]! - centre[j]!);
      to[start + squareAt] = (1 - share) * squares[first + i]!;
      to[start + oneAt] = 1;
    }
  };
  const normOf = ({ set, norms }: ScreenedSet, i: number): number => {
    if (Number.isNaN(norms[i])) norms[i] = rowProduct(set.values, i, set.values, i, width);
    return norms[i]!;
  };
  return {
    prepare(set) {
      const squares = new Float64Array(set.count);
      for (let i = 0, at = 0; i < set.count; i++) {
        for (let j = 0; j < width; j++) squares[i]! += (set.values[at++]! - centre[j]!) ** 2;
        if (squares[i]! > MOST) {
          throw new FeatureError('distances', `sample ${i} is too large for float32; scale the features down`, i);
        }
      }
      return { set, squares, norms: new Float64Array(set.count).fill(NaN) };
    },
    async eachTile(a, b, visit) {
      const other = hostTensor(shape, right);
      for (let first = 0; first < a.set.count; first += side) {
        const rows = Math.min(side, a.set.count - first);
        write(left.data as Float32Array, a, first, 1);
        for (let start = a === b ? first : 0; start < b.set.count; start += side) {
          const columns = Math.min(side, b.set.count - start);
          write(right, b, start, -2);
          const { least } = await executable.run({ a: left, b: other });
          const { data } = await least!.read();
          least!.dispose();
          visit({ first, rows, left: start, columns, least: data as Float32Array, stride: side });
        }
      }
    },
    slack: (a, i, b, j) => 2 * share * (a.squares[i]! + b.squares[j]!),
    exact(a, i, b, j) {
      const product = rowProduct(a.set.values, i, b.set.values, j, width);
      return Math.max(0, normOf(a, i) + normOf(b, j) - 2 * product);
    },
    dispose: () => executable.dispose(),
  };
}

import { hostTensor, program, type Executable, type Runtime } from '@flowmap/tensor';
import type { Features } from '../features.js';
import { rowProduct, squaredNorms } from '../linear-algebra/products.js';
import { doubles } from './doubles.js';

/** Samples of each side whose distances are in memory at a time. */
const SIDE = 1024;

/** Half of the distance of float32 numbers around 1. */
const ROUNDING = 2 ** -24;

/** A set whose distances from others are screened. */
export interface ScreenedSet {
  readonly set: Features;
  /** Squared norms, for exact distances. */
  readonly norms: Float64Array;
  /** Norms of the rows about the common centre. */
  readonly lengths: Float64Array;
}

/** Distances between some rows of two sets: entry `[i, j]` is for rows `first + i` and `left + j`. */
export interface ScreenedTile {
  readonly first: number;
  readonly rows: number;
  readonly left: number;
  readonly columns: number;
  /** Squared distances by float32, at entry `i * stride + j`. */
  readonly squared: Float32Array;
  readonly stride: number;
}

/** Squared distances by a runtime in float32, with a bound of their errors, and in float64 where that is too much. */
export interface Screening {
  /** Prepares a set; its rows are centred alike for all sets. */
  prepare(set: Features): ScreenedSet;
  /**
   * Computes tiles of the distances of all rows of one set from all of another; of a set from itself, only those with
   * `left >= first`.
   */
  eachTile(a: ScreenedSet, b: ScreenedSet, visit: (tile: ScreenedTile) => void): Promise<void>;
  /** The most that a squared distance of two rows is off. */
  bound(a: ScreenedSet, i: number, b: ScreenedSet, j: number): number;
  /** The squared distance of two rows, with the bits of `eachTile` of distances.ts. */
  exact(a: ScreenedSet, i: number, b: ScreenedSet, j: number): number;
  dispose(): Promise<void>;
}

/**
 * Compiles the products of rows for a runtime that multiplies in float32.
 *
 * @param centre a point near the sets, about which numbers are rounded: the mean of one of them
 * @param count samples of the larger set
 */
export async function openScreening(runtime: Runtime, centre: Float64Array, count: number): Promise<Screening> {
  const width = centre.length;
  const side = Math.min(SIDE, count);
  const args = { inputs: { a: [side, width], b: [side, width] } };
  const built = program('row products', args, ({ a, b }) => ({ outputs: { products: a.matmul(b.transpose([1, 0])) } }));
  const executable: Executable = await runtime.compile(built);
  // Each product of rows has an error of at most this times both lengths: a rounding for each term and for each operand.
  const share = 2 * (width + 4) * ROUNDING;

  const part = ({ set }: ScreenedSet, first: number): Float32Array => {
    const rows = Math.min(side, set.count - first);
    const out = new Float32Array(side * width);
    for (let i = 0, at = 0, from = first * width; i < rows; i++) {
      for (let j = 0; j < width; j++) out[at++] = set.values[from++]! - centre[j]!;
    }
    return out;
  };
  const screening: Screening = {
    prepare(set) {
      const lengths = new Float64Array(set.count);
      for (let i = 0, at = 0; i < set.count; i++) {
        let sum = 0;
        for (let j = 0; j < width; j++) sum += (set.values[at++]! - centre[j]!) ** 2;
        lengths[i] = Math.sqrt(sum);
      }
      return { set, norms: normsOf(set), lengths };
    },
    async eachTile(a, b, visit) {
      for (let first = 0; first < a.set.count; first += side) {
        const rows = Math.min(side, a.set.count - first);
        const ofA = hostTensor([side, width], part(a, first));
        for (let left = a === b ? first : 0; left < b.set.count; left += side) {
          const columns = Math.min(side, b.set.count - left);
          const ofB = left === first && a === b ? ofA : hostTensor([side, width], part(b, left));
          const { products } = await executable.run({ a: ofA, b: ofB });
          const { data } = await products!.read();
          products!.dispose();
          const squared = data as Float32Array;
          for (let i = 0; i < rows; i++) {
            const own = a.lengths[first + i]! ** 2;
            for (let j = 0, at = i * side; j < columns; j++, at++) {
              squared[at] = own + b.lengths[left + j]! ** 2 - 2 * squared[at]!;
            }
          }
          visit({ first, rows, left, columns, squared, stride: side });
        }
      }
    },
    bound: (a, i, b, j) => share * a.lengths[i]! * b.lengths[j]! + ROUNDING * (a.lengths[i]! + b.lengths[j]!) ** 2,
    exact(a, i, b, j) {
      const product = rowProduct(a.set.values, i, b.set.values, j, width);
      return Math.max(0, a.norms[i]! + b.norms[j]! - 2 * product);
    },
    dispose: () => executable.dispose(),
  };
  return screening;
}

/** Squared norms of all rows, some rows at a time. */
function normsOf({ values, count, width }: Features): Float64Array {
  const norms = new Float64Array(count);
  for (let first = 0; first < count; first += SIDE) {
    const rows = Math.min(SIDE, count - first);
    norms.set(squaredNorms(doubles(values.subarray(first * width, (first + rows) * width)), rows, width), first);
  }
  return norms;
}

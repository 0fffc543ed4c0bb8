import { congruenceBy } from './congruence.js';
import { pivotedCholesky, type PivotedCholesky } from './pivoted-cholesky.js';
import { addProduct, type ProductShape } from './products.js';
import { symmetricEigenvalues } from './symmetric-eigenvalues.js';

/** The operations by which Fréchet distances are computed, on row-major matrices of float64. */
export interface LinearAlgebra {
  /** `plain`, or the name of a library. */
  readonly name: string;
  /**
   * `C += A B^T` for `c: [m, n]`, `a: [m, depth]` and `b: [n, depth]`. Entries that the shape excludes may be
   * computed nevertheless.
   */
  readonly addProduct: (
    c: Float64Array,
    a: Float64Array,
    b: Float64Array,
    shape: readonly [m: number, n: number, depth: number],
    known?: ProductShape,
  ) => void;
  /**
   * `U S U^T` below the diagonal, `[rank, rank]`, for `U: [rank, n]` whose row i starts with i zeros and a symmetric
   * `S: [n, n]`.
   */
  readonly congruence: (upper: Float64Array, rank: number, matrix: Float64Array, n: number) => Float64Array;
  /** Eigenvalues of a symmetric `[n, n]`, ascending; reads the part below the diagonal and overwrites the matrix. */
  readonly symmetricEigenvalues: (a: Float64Array, n: number) => Float64Array;
  /** Factor of a positive semi-definite `[n, n]`, which is not modified. */
  readonly pivotedCholesky: (matrix: Float64Array, n: number) => PivotedCholesky;
}

/** Linear algebra in JavaScript, on one thread. */
export const plainLinearAlgebra: LinearAlgebra = {
  name: 'plain',
  addProduct,
  congruence: (...args) => congruenceBy(addProduct, ...args),
  symmetricEigenvalues,
  pivotedCholesky,
};

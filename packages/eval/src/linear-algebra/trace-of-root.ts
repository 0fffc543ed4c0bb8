import { plainLinearAlgebra, type LinearAlgebra } from './linear-algebra.js';
import type { PivotedCholesky } from './pivoted-cholesky.js';
import { mirrorLower, type ProductShape } from './products.js';

/**
 * `tr (S1 S2)^(1/2)` of two covariances: the sum of the roots of the eigenvalues of `U S2 U^T`, where `S1 = U^T U`.
 * These are also the eigenvalues of `S1 S2`, but the symmetric matrix yields them without complex numbers, whatever the
 * ranks.
 *
 * @param root factor of the first covariance
 * @param matrix the second covariance, symmetric `[n, n]`, read as a whole; not modified
 */
export function traceOfRoot(
  { rank, factor, order }: PivotedCholesky,
  matrix: Float64Array,
  n: number,
  { congruence, symmetricEigenvalues }: LinearAlgebra = plainLinearAlgebra,
): number {
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, matrix[i * n + i]!);
  if (largest === 0) return 0;
  // In units of the largest entry, so that products neither overflow nor underflow.
  const permuted = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const row = order[i]! * n;
    for (let j = 0; j < n; j++) permuted[i * n + j] = matrix[row + order[j]!]! / largest;
  }
  const product = congruence(factor, rank, permuted, n);
  return Math.sqrt(largest) * sumOfRoots(symmetricEigenvalues(product, rank));
}

/**
 * The same for a second covariance `R^T R` with few rows R: the sum of the singular values of `R U^T`.
 *
 * @param rows `[count, n]`; not modified
 */
export function traceOfRootOfRows(
  { rank, factor, order }: PivotedCholesky,
  rows: Float64Array,
  [count, n]: readonly [count: number, n: number],
  algebra: LinearAlgebra = plainLinearAlgebra,
): number {
  const permuted = new Float64Array(count * n);
  for (let at = 0; at < count * n; at += n) {
    for (let j = 0; j < n; j++) permuted[at + j] = rows[at + order[j]!]!;
  }
  return nuclearNorm(permuted, factor, [count, rank, n], algebra, { upperB: true });
}

/**
 * The sum of the singular values of `A B^T`, which is `tr (A^T A B^T B)^(1/2)`: with fewer rows than columns the
 * product is small.
 *
 * @param a `[m, depth]`
 * @param b `[n, depth]`
 * @param known zeros of the factors
 */
export function nuclearNorm(
  a: Float64Array,
  b: Float64Array,
  [m, n, depth]: readonly [m: number, n: number, depth: number],
  algebra: LinearAlgebra = plainLinearAlgebra,
  { upperA = false, upperB = false }: Omit<ProductShape, 'lower'> = {},
): number {
  if (m > n) return nuclearNorm(b, a, [n, m, depth], algebra, { upperA: upperB, upperB: upperA });
  const product = new Float64Array(m * n);
  algebra.addProduct(product, a, b, [m, n, depth], { upperA, upperB });
  const square = new Float64Array(m * m);
  algebra.addProduct(square, product, product, [m, m, n], { lower: true });
  mirrorLower(square, m);
  return sumOfRoots(algebra.symmetricEigenvalues(square, m));
}

/** Negative eigenvalues are zeros with rounding errors. */
function sumOfRoots(values: Float64Array): number {
  return values.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
}

/** `S = P^T U^T U P` of a positive semi-definite matrix, truncated at its rank. */
export interface PivotedCholesky {
  /** Number of rows of the factor: the rank of the matrix up to rounding. */
  readonly rank: number;
  /** `U`, `[rank, n]`, row-major: row i starts with i zeros. */
  readonly factor: Float64Array;
  /** Column i of the factor belongs to row and column `order[i]` of the matrix. */
  readonly order: Int32Array;
}

/** Number of pivots chosen before the rest of the matrix is updated. */
const BLOCK = 48;

/**
 * Cholesky factor with the largest pivot first (Hammarling, Higham and Lucas, 2007, as LAPACK's `pstrf`), stopping when
 * only rounding errors remain. It also exists for singular matrices.
 *
 * @param matrix symmetric `[n, n]`, read below the diagonal; not modified
 */
export function pivotedCholesky(matrix: Float64Array, n: number): PivotedCholesky {
  // The upper triangle by rows is the lower one by columns, which makes the rows of the factor contiguous.
  const rest = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) rest[j * n + i] = matrix[i * n + j]!;
  const order = Int32Array.from({ length: n }, (_, i) => i);
  const pivots = Float64Array.from({ length: n }, (_, i) => rest[i * n + i]!);
  const least = n * Number.EPSILON * pivots.reduce((most, pivot) => Math.max(most, pivot), 0);

  let rank = 0;
  let isLeft = true;
  for (let start = 0; start < n && isLeft; start += BLOCK) {
    const end = Math.min(n, start + BLOCK);
    for (let k = start; k < end; k++) {
      let best = k;
      for (let i = k + 1; i < n; i++) if (pivots[i]! > pivots[best]!) best = i;
      if (!(pivots[best]! > least)) {
        isLeft = false;
        break;
      }
      if (best !== k) swap(rest, pivots, order, n, k, best);
      const root = Math.sqrt(pivots[k]!);
      rest[k * n + k] = root;
      for (let row = start; row < k; row++) {
        const factor = rest[row * n + k]!;
        for (let j = k + 1; j < n; j++) rest[k * n + j]! -= factor * rest[row * n + j]!;
      }
      for (let j = k + 1; j < n; j++) {
        const value = rest[k * n + j]! / root;
        rest[k * n + j] = value;
        pivots[j]! -= value * value;
      }
      rank++;
    }
    if (isLeft) subtractSquare(rest, n, start, end);
  }
  return { rank, factor: rest.slice(0, rank * n), order };
}

/** Swaps rows and columns k < l of the remaining matrix, and columns of the factor so far. */
function swap(a: Float64Array, pivots: Float64Array, order: Int32Array, n: number, k: number, l: number): void {
  const exchange = (values: Float64Array | Int32Array, i: number, j: number): void => {
    const kept = values[i]!;
    values[i] = values[j]!;
    values[j] = kept;
  };
  exchange(pivots, k, l);
  exchange(order, k, l);
  a[l * n + l] = a[k * n + k]!; // from here on the diagonal is in `pivots`
  for (let row = 0; row < k; row++) exchange(a, row * n + k, row * n + l);
  for (let j = l + 1; j < n; j++) exchange(a, k * n + j, l * n + j);
  for (let i = k + 1; i < l; i++) exchange(a, k * n + i, i * n + l);
}

/**
 * Subtracts `V^T V` from the upper triangle behind the rows `V` from `start` to `end`, two rows of four terms at a
 * time.
 */
function subtractSquare(a: Float64Array, n: number, start: number, end: number): void {
  for (let i = end; i < n; i++) {
    let k = start;
    for (; k + 4 <= end; k += 4) {
      const [r0, r1, r2, r3] = [k * n, (k + 1) * n, (k + 2) * n, (k + 3) * n];
      const [f0, f1, f2, f3] = [a[r0 + i]!, a[r1 + i]!, a[r2 + i]!, a[r3 + i]!];
      for (let j = i, at = i * n + i; j < n; j++, at++) {
        a[at]! -= f0 * a[r0 + j]! + f1 * a[r1 + j]! + f2 * a[r2 + j]! + f3 * a[r3 + j]!;
      }
    }
    for (; k < end; k++) {
      const factor = a[k * n + i]!;
      for (let j = i; j < n; j++) a[i * n + j]! -= factor * a[k * n + j]!;
    }
  }
}

import { tridiagonalize, type Tridiagonal } from './tridiagonal.js';

/** Sweeps after which an eigenvalue is accepted as it is; a few are enough. */
const MOST_SWEEPS = 64;

/**
 * Eigenvalues of a symmetric matrix, ascending, in O(n^3) time and without additional memory.
 *
 * @param a symmetric `[n, n]`, finite, read below the diagonal; overwritten
 */
export function symmetricEigenvalues(a: Float64Array, n: number): Float64Array {
  return tridiagonalEigenvalues(tridiagonalize(a, n));
}

/**
 * Eigenvalues of a symmetric tridiagonal matrix, ascending, by the QL algorithm with implicit shifts (Martin and
 * Wilkinson, 1968; EISPACK's `imtql1`), each up to rounding of the largest.
 */
export function tridiagonalEigenvalues({ diagonal, beside }: Tridiagonal): Float64Array {
  const n = diagonal.length;
  const d = diagonal.slice();
  const e = new Float64Array(n);
  e.set(beside.subarray(1));
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, Math.abs(d[i]!), Math.abs(e[i]!));
  const nothing = Number.EPSILON ** 2 * largest;
  for (let l = 0; l < n; l++) {
    for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
      let m = l;
      while (m < n - 1 && Math.abs(e[m]!) > Number.EPSILON * (Math.abs(d[m]!) + Math.abs(d[m + 1]!)) + nothing) m++;
      if (m === l) break;
      sweepUp(d, e, l, m);
    }
  }
  return d.sort();
}

/** One implicit QL step on the rows l to m, with Wilkinson's shift. */
function sweepUp(d: Float64Array, e: Float64Array, l: number, m: number): void {
  let g = (d[l + 1]! - d[l]!) / (2 * e[l]!);
  g = d[m]! - d[l]! + e[l]! / (g + (g < 0 ? -1 : 1) * Math.hypot(g, 1));
  let [s, c, p] = [1, 1, 0];
  for (let i = m - 1; i >= l; i--) {
    const f = s * e[i]!;
    const b = c * e[i]!;
    const r = Math.hypot(f, g);
    e[i + 1] = r;
    if (r === 0) {
      // The matrix splits here.
      d[i + 1]! -= p;
      e[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1]! - p;
    const t = (d[i]! - g) * s + 2 * c * b;
    p = s * t;
    d[i + 1] = g + p;
    g = c * t - b;
  }
  d[l]! -= p;
  e[l] = g;
  e[m] = 0;
}

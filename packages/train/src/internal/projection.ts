/** The projection of a unit vector onto the span of others. */
export interface Projection {
  /** One for each vector of the span; 0 for those that lie in the span of the others. */
  readonly coefficients: readonly number[];
  /** Distance of the vector from its projection, in [0, 1]. */
  readonly residual: number;
}

/** A vector is left out if its squared distance from the span of those before it is below this. */
const LEAST = 1e-11;

/**
 * Least squares with unit vectors that are given by their inner products: a Cholesky decomposition of the Gram matrix
 * with pivoting, which stops when the remaining vectors lie in the span of those taken, up to rounding. Nearly equal
 * vectors therefore do not get large coefficients that cancel.
 *
 * @param gram inner products of the vectors with each other
 * @param right their inner products with the vector
 */
export function project(gram: readonly (readonly number[])[], right: readonly number[]): Projection {
  const count = right.length;
  const taken: number[] = [];
  /** Rows of the Cholesky factor: `factor[i][k]` is the component of vector i along the k-th direction. */
  const factor = gram.map((): number[] => []);
  const left = gram.map((row, i) => row[i]!);
  /** Components of the projected vector along these directions. */
  const along: number[] = [];
  while (taken.length < count) {
    const pivot = left.reduce((best, value, i) => (value > left[best]! ? i : best), 0);
    if (left[pivot]! < LEAST) break;
    const length = Math.sqrt(left[pivot]!);
    const former = [...factor[pivot]!];
    along.push((right[pivot]! - dot(former, along)) / length);
    for (let i = 0; i < count; i++) {
      const part = taken.includes(i) ? 0 : i === pivot ? length : (gram[i]![pivot]! - dot(former, factor[i]!)) / length;
      factor[i]!.push(part);
      left[i] = i === pivot ? -Infinity : left[i]! - part ** 2;
    }
    taken.push(pivot);
  }
  const coefficients = new Array<number>(count).fill(0);
  for (let k = taken.length - 1; k >= 0; k--) {
    const later = taken.slice(k + 1).reduce((sum, i) => sum + factor[i]![k]! * coefficients[i]!, 0);
    coefficients[taken[k]!] = (along[k]! - later) / factor[taken[k]!]![k]!;
  }
  return { coefficients, residual: Math.sqrt(Math.max(0, 1 - dot(along, along))) };
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

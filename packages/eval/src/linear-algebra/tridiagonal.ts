/** A symmetric tridiagonal matrix. */
export interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** Entry i lies between the places i - 1 and i; entry 0 is 0. */
  readonly beside: Float64Array;
}

/**
 * Householder reduction of a symmetric matrix to a tridiagonal one with the same eigenvalues, without eigenvectors.
 * Each step makes one pass over the rest of the lower triangle: it applies the previous step's reflection and
 * multiplies the result by the vector of the next.
 *
 * @param a symmetric `[n, n]`, read below the diagonal; overwritten
 */
export function tridiagonalize(a: Float64Array, n: number): Tridiagonal {
  const diagonal = new Float64Array(n);
  const beside = new Float64Array(n);
  // The reflection yet to be applied, A -= u w^T + w u^T, and the next one.
  let [u, w, next, product] = Array.from({ length: 4 }, () => new Float64Array(n)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let l = n - 1; l >= 0; l--) {
    const row = l * n;
    for (let j = 0; j <= l; j++) a[row + j]! -= u[l]! * w[j]! + w[l]! * u[j]!;
    diagonal[l] = a[row + l]!;
    if (l === 0) break;
    const tau = reflector(a.subarray(row, row + l), next, beside, l);
    product.fill(0);
    updateAndMultiply(a, n, l, u, w, next, product);
    // w = tau (p - (tau / 2) (u . p) u) with p = A u
    let dot = 0;
    for (let j = 0; j < l; j++) dot += next[j]! * product[j]!;
    const share = (tau * dot) / 2;
    for (let j = 0; j < l; j++) product[j] = tau * (product[j]! - share * next[j]!);
    [u, w, next, product] = [next, product, u, w];
  }
  return { diagonal, beside };
}

/**
 * The vector u for which `I - tau u u^T` takes x to a multiple of the last unit vector; that multiple goes to
 * `beside[l]`.
 *
 * @returns tau; 0, with u = 0, if x already is such a multiple
 */
function reflector(x: Float64Array, u: Float64Array, beside: Float64Array, l: number): number {
  const last = x[l - 1]!;
  let largest = 0;
  for (let j = 0; j < l - 1; j++) largest = Math.max(largest, Math.abs(x[j]!));
  u.fill(0);
  if (largest === 0) {
    beside[l] = last;
    return 0;
  }
  // In units of the largest, so that squares neither overflow nor underflow.
  const scale = Math.max(largest, Math.abs(last));
  let sum = 0;
  for (let j = 0; j < l; j++) {
    u[j] = x[j]! / scale;
    sum += u[j]! * u[j]!;
  }
  const norm = Math.sqrt(sum);
  const alpha = last > 0 ? -norm : norm;
  beside[l] = alpha * scale;
  u[l - 1]! -= alpha;
  return 1 / (sum - (last / scale) * alpha); // 2 / (u . u)
}

/**
 * `A -= u w^T + w u^T` and `p = A v` on the leading `l x l` entries, from the lower triangle alone, two rows at a time.
 */
function updateAndMultiply(
  a: Float64Array,
  n: number,
  l: number,
  u: Float64Array,
  w: Float64Array,
  v: Float64Array,
  p: Float64Array,
): void {
  const odd = l % 2;
  if (odd === 1) {
    a[0]! -= 2 * u[0]! * w[0]!;
    p[0]! += a[0]! * v[0]!;
  }
  for (let i = odd; i < l; i += 2) {
    const [r0, r1] = [i * n, (i + 1) * n];
    const [u0, w0, v0, u1, w1, v1] = [u[i]!, w[i]!, v[i]!, u[i + 1]!, w[i + 1]!, v[i + 1]!];
    let [s0, s1] = [0, 0];
    for (let j = 0; j < i; j++) {
      const uj = u[j]!;
      const wj = w[j]!;
      const vj = v[j]!;
      const x = a[r0 + j]! - u0 * wj - w0 * uj;
      const y = a[r1 + j]! - u1 * wj - w1 * uj;
      a[r0 + j] = x;
      a[r1 + j] = y;
      s0 += x * vj;
      s1 += y * vj;
      p[j]! += x * v0 + y * v1;
    }
    const first = a[r0 + i]! - 2 * u0 * w0;
    const between = a[r1 + i]! - u1 * w0 - w1 * u0;
    const second = a[r1 + i + 1]! - 2 * u1 * w1;
    a[r0 + i] = first;
    a[r1 + i] = between;
    a[r1 + i + 1] = second;
    p[i]! += s0 + first * v0 + between * v1;
    p[i + 1]! += s1 + between * v0 + second * v1;
  }
}

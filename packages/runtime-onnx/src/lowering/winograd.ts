/** The matrices of a minimal filtering algorithm, by rows. */
export interface Filtering {
  /** `B^T`, `n x n`: from an input to factors of the products. */
  readonly input: readonly (readonly number[])[];
  /** `G`, `n x taps`: from a kernel to factors of the products. */
  readonly kernel: readonly (readonly number[])[];
  /** `A^T`, `outputs x n`: from the products to outputs. */
  readonly output: readonly (readonly number[])[];
}

/**
 * Winograd's minimal filtering `F(m, r)`: `m` outputs of a correlation with `r` taps from `n = m + r - 1` products
 * instead of `m r`, `y = A^T ((G g) * (B^T d))` with `y_i = sum_j g_j d_(i + j)` (Winograd, Arithmetic Complexity of
 * Computations, 1980; Lavin and Gray, arXiv 1509.09308).
 *
 * It is the transpose of multiplying polynomials through their values at `n - 1` points `p_k` and the leading
 * coefficient: with `f_k = prod_(l != k) (p_k - p_l)`, row `k` of `G` holds the powers of `p_k` over `f_k`, column `k`
 * of `A^T` its powers, and row `k` of `B^T` the coefficients of `prod_(l != k) (x - p_l)`.
 *
 * @param outputs `m`
 * @param taps `r`
 * @param points `m + r - 2` distinct numbers; rounding errors are smallest for few small ones
 */
export function minimalFiltering(outputs: number, taps: number, points: readonly number[]): Filtering {
  const others = (k: number): readonly number[] => points.filter((_, l) => l !== k);
  const last = (size: number): number[] => Array.from({ length: size }, (_, i) => (i === size - 1 ? 1 : 0));
  const powers = (p: number, size: number): number[] => Array.from({ length: size }, (_, i) => p ** i);
  const n = points.length + 1;
  const columns = [...points.map((p) => powers(p, outputs)), last(outputs)];
  return {
    input: [...points.map((_, k) => [...coefficients(others(k)), 0]), coefficients(points)],
    kernel: [
      ...points.map((p, k) => {
        const f = others(k).reduce((product, q) => product * (p - q), 1);
        return powers(p, taps).map((power) => power / f);
      }),
      last(taps),
    ],
    output: Array.from({ length: outputs }, (_, i) => Array.from({ length: n }, (_, k) => columns[k]![i]!)),
  };
}

/** Coefficients of the polynomial with these roots and leading coefficient 1, from the constant up. */
function coefficients(roots: readonly number[]): number[] {
  return roots.reduce<number[]>(
    (polynomial, root) => [0, ...polynomial].map((c, i) => c - root * (polynomial[i] ?? 0)),
    [1],
  );
}

import type { addProduct as plainProduct } from './products.js';

/**
 * `U S U^T`, below the diagonal.
 *
 * @param addProduct how products are computed
 * @param upper `U: [rank, n]`, row i starting with i zeros
 * @param matrix `S`, symmetric `[n, n]`, read as a whole; not modified
 * @returns `[rank, rank]`
 */
export function congruenceBy(
  addProduct: typeof plainProduct,
  upper: Float64Array,
  rank: number,
  matrix: Float64Array,
  n: number,
): Float64Array {
  const half = new Float64Array(rank * n);
  addProduct(half, upper, matrix, [rank, n, n], { upperA: true });
  const product = new Float64Array(rank * rank);
  addProduct(product, half, upper, [rank, rank, n], { upperB: true, lower: true });
  return product;
}

import { sizeOf } from '@flowmap/tensor';
import type { Values } from '../values.js';
import type { KernelRule } from './kernel.js';

export const matmul: KernelRule<'matmul'> = ({ operands: [a], shape, attributes: { transposeA, transposeB } }) => {
  const [m, n] = shape.slice(-2) as [number, number];
  const k = a!.shape.at(transposeA ? -2 : -1)!;
  const batch = sizeOf(shape.slice(0, -2));
  const rowsA = new Float64Array(transposeA ? m * k : 0);
  const rowsB = new Float64Array(transposeB ? k * n : 0);
  return ([x, y], out) => {
    out.fill(0);
    for (let i = 0; i < batch; i++) {
      const left = x!.subarray(i * m * k, (i + 1) * m * k);
      const right = y!.subarray(i * k * n, (i + 1) * k * n);
      if (transposeA) transposeMatrix(left, k, m, rowsA);
      if (transposeB) transposeMatrix(right, n, k, rowsB);
      multiplyAdd(transposeA ? rowsA : left, transposeB ? rowsB : right, out.subarray(i * m * n), m, k, n);
    }
  };
};

/** `out += a b` for row-major `a: [m, k]`, `b: [k, n]`, four rows of `b` at a time. */
export function multiplyAdd(a: Values, b: Values, out: Values, m: number, k: number, n: number): void {
  for (let row = 0; row < m; row++) {
    const c = row * n;
    let p = 0;
    for (; p + 4 <= k; p += 4) {
      const [a0, a1, a2, a3] = [a[row * k + p]!, a[row * k + p + 1]!, a[row * k + p + 2]!, a[row * k + p + 3]!];
      const [b0, b1, b2, b3] = [p * n, (p + 1) * n, (p + 2) * n, (p + 3) * n];
      for (let j = 0; j < n; j++) out[c + j]! += a0 * b[b0 + j]! + a1 * b[b1 + j]! + a2 * b[b2 + j]! + a3 * b[b3 + j]!;
    }
    for (; p < k; p++) {
      const a0 = a[row * k + p]!;
      for (let j = 0; j < n; j++) out[c + j]! += a0 * b[p * n + j]!;
    }
  }
}

/** Writes the transpose of a row-major `[rows, columns]` matrix. */
export function transposeMatrix(x: Values, rows: number, columns: number, out: Values): void {
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = x[i * columns + j]!;
}

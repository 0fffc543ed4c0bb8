import { normals } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { orthogonal, withSpectrum } from '../__fixtures__/samples.js';
import { pivotedCholesky } from './pivoted-cholesky.js';
import { addProduct, mirrorLower, squaredNorms, transposed } from './products.js';
import { symmetricEigenvalues, tridiagonalEigenvalues } from './symmetric-eigenvalues.js';
import { nuclearNorm, traceOfRoot } from './trace-of-root.js';

const draw = (purpose: string, count: number): Float64Array => normals({ seed: 0, purpose }, count);

/** `A B^T` term by term. */
function plainProduct(a: Float64Array, b: Float64Array, m: number, n: number, depth: number): Float64Array {
  return Float64Array.from({ length: m * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    let sum = 0;
    for (let k = 0; k < depth; k++) sum += a[i * depth + k]! * b[j * depth + k]!;
    return sum;
  });
}

function expectClose(got: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number): void {
  expect(got.length).toBe(wanted.length);
  const errors = Array.from({ length: got.length }, (_, i) => Math.abs(got[i]! - wanted[i]!));
  expect(errors.filter((error) => !(error <= tolerance))).toEqual([]);
}

describe('products', () => {
  // Sizes below and above the blocks of 4 x 2 entries, 48 columns and 256 terms.
  test.each([
    [1, 1, 1],
    [3, 5, 7],
    [4, 2, 256],
    [9, 50, 257],
    [101, 97, 530],
  ])('[%i, %i] of %i terms', (m, n, depth) => {
    const [a, b] = [draw('a', m * depth), draw('b', n * depth)];
    const c = new Float64Array(m * n).fill(1);
    addProduct(c, a, b, [m, n, depth]);
    const wanted = plainProduct(a, b, m, n, depth).map((value) => value + 1);
    expectClose(c, wanted, 1e-12 * depth); // a few roundings of sums around sqrt(depth)
  });

  test.each([1, 6, 49, 101, 300])('a square of %i rows below the diagonal', (n) => {
    const depth = 30;
    const a = draw('a', n * depth);
    const c = new Float64Array(n * n);
    addProduct(c, a, a, [n, n, depth], { lower: true });
    mirrorLower(c, n);
    expectClose(c, plainProduct(a, a, n, n, depth), 1e-12);
  });

  test.each([5, 130, 301])('triangular factors of %i rows, whose zeros are skipped', (n) => {
    const upper = draw('a', n * n).map((value, at) => (at % n < Math.floor(at / n) ? 0 : value));
    const b = draw('b', n * n);
    const ofUpper = new Float64Array(n * n);
    addProduct(ofUpper, upper, b, [n, n, n], { upperA: true });
    expectClose(ofUpper, plainProduct(upper, b, n, n, n), 1e-11);
    const byUpper = new Float64Array(n * n);
    addProduct(byUpper, b, upper, [n, n, n], { upperB: true });
    expectClose(byUpper, plainProduct(b, upper, n, n, n), 1e-11);
  });

  test('sums of squares have the bits of the product of a row with itself', () => {
    const a = draw('a', 7 * 600);
    const c = new Float64Array(49);
    addProduct(c, a, a, [7, 7, 600]);
    expect(Array.from(squaredNorms(a, 7, 600))).toEqual(Array.from({ length: 7 }, (_, i) => c[8 * i]));
  });

  test('a transpose', () => {
    const a = draw('a', 40 * 70);
    const back = transposed(transposed(a, 40, 70), 70, 40);
    expect(back).toEqual(a);
    expect(transposed(a, 40, 70)[3 * 40 + 5]).toBe(a[5 * 70 + 3]);
  });
});

describe('eigenvalues', () => {
  test.each([1, 2, 3, 8, 41, 150])('of a known spectrum of %i numbers', (n) => {
    const spectrum = Array.from({ length: n }, (_, i) => (i % 3 === 0 ? 0 : i - n / 2));
    const matrix = withSpectrum(orthogonal(1, n), spectrum);
    // n roundings of numbers up to n
    expectClose(
      symmetricEigenvalues(matrix, n),
      spectrum.sort((a, b) => a - b),
      1e-14 * n * n,
    );
  });

  test('of the second difference, 2 - 2 cos (k pi / (n + 1))', () => {
    const n = 200;
    const diagonal = new Float64Array(n).fill(2);
    const beside = new Float64Array(n).fill(-1).fill(0, 0, 1);
    const wanted = Array.from({ length: n }, (_, k) => 2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)));
    expectClose(tridiagonalEigenvalues({ diagonal, beside }), wanted, 1e-13);
  });

  test.each([1e-200, 1e-300, 1e150])('of matrices of the size %d', (scale) => {
    const spectrum = [1, 2, 3, 4, 5];
    const values = symmetricEigenvalues(
      withSpectrum(orthogonal(2, 5), spectrum).map((value) => value * scale),
      5,
    );
    expectClose(
      values.map((value) => value / scale),
      spectrum,
      1e-12,
    );
  });

  test('of zero, and of diagonal matrices', () => {
    expect(Array.from(symmetricEigenvalues(new Float64Array(9), 3))).toEqual([0, 0, 0]);
    expect(Array.from(symmetricEigenvalues(Float64Array.of(3, 0, 0, 0, -1, 0, 0, 0, 2), 3))).toEqual([-1, 2, 3]);
  });
});

describe('Cholesky with pivoting', () => {
  // Sizes below and above a block of 48 pivots.
  test.each([
    [1, 1],
    [10, 10],
    [60, 60],
    [110, 110],
    [60, 7],
    [110, 50],
  ])('of %i rows and rank %i', (n, rank) => {
    const spectrum = Array.from({ length: n }, (_, i) => (i < rank ? 1 + i : 0));
    const matrix = withSpectrum(orthogonal(3, n), spectrum);
    const { factor, order, rank: found } = pivotedCholesky(matrix, n);
    expect(found).toBe(rank);
    const columns = transposed(factor, found, n);
    const back = plainProduct(columns, columns, n, n, found);
    const wanted = Float64Array.from(
      { length: n * n },
      (_, at) => matrix[order[Math.floor(at / n)]! * n + order[at % n]!]!,
    );
    expectClose(back, wanted, 1e-14 * n * n);
    for (let i = 0; i < found; i++) expect(factor.subarray(i * n, i * n + i).every((value) => value === 0)).toBe(true);
  });

  test('of zero has rank 0', () => {
    expect(pivotedCholesky(new Float64Array(16), 4)).toMatchObject({ rank: 0 });
  });
});

describe('the trace of the root of a product', () => {
  test('of matrices that commute is the sum of the roots of products of eigenvalues', () => {
    const n = 60;
    const q = orthogonal(4, n);
    const [first, second] = [0, 1].map((k) => Array.from({ length: n }, (_, i) => (i % (k + 3) === 0 ? 0 : 1 + i + k)));
    const wanted = first!.reduce((sum, value, i) => sum + Math.sqrt(value * second![i]!), 0);
    const [a, b] = [withSpectrum(q, first!), withSpectrum(q, second!)];
    // Zeros become roots of rounding errors: n sqrt(eps) of the largest.
    expect(Math.abs(traceOfRoot(pivotedCholesky(a, n), b, n) / wanted - 1)).toBeLessThan(1e-6);
    expect(Math.abs(traceOfRoot(pivotedCholesky(b, n), a, n) / wanted - 1)).toBeLessThan(1e-6);
  });

  test('of 2 x 2 matrices is sqrt(tr (A B) + 2 sqrt(det A det B))', () => {
    const [a, b] = [Float64Array.of(2, 1, 1, 3), Float64Array.of(5, -2, -2, 1)];
    const wanted = Math.sqrt(10 - 2 - 2 + 3 + 2 * Math.sqrt(5 * 1));
    expect(traceOfRoot(pivotedCholesky(a, 2), b, 2)).toBeCloseTo(wanted, 13);
  });

  test.each([1e-150, 1, 1e150])('of spectra over 24 orders of magnitude, in units of %d', (unit) => {
    const q = orthogonal(7, 25);
    const matrix = withSpectrum(
      q,
      Array.from({ length: 25 }, (_, i) => unit * 10 ** (i - 12)),
    );
    // The root of a square is the matrix itself, whose trace is dominated by the largest eigenvalues.
    const trace = matrix.reduce((sum, value, at) => (at % 26 === 0 ? sum + value : sum), 0);
    expect(Math.abs(traceOfRoot(pivotedCholesky(matrix, 25), matrix, 25) / trace - 1)).toBeLessThan(1e-6);
  });

  test('is 0 where one of them is 0', () => {
    const zero = new Float64Array(9);
    const unit = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
    expect(traceOfRoot(pivotedCholesky(zero, 3), unit, 3)).toBe(0);
    expect(traceOfRoot(pivotedCholesky(unit, 3), zero, 3)).toBe(0);
  });

  test('of factors is the sum of singular values of their product', () => {
    // [3 0; 0 4] times an orthogonal matrix
    const [c, s] = [Math.cos(0.3), Math.sin(0.3)];
    expect(nuclearNorm(Float64Array.of(3, 0, 0, 4), Float64Array.of(c, s, -s, c), [2, 2, 2])).toBeCloseTo(7, 13);
  });
});

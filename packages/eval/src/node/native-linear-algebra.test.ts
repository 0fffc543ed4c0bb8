import { describe, expect, test } from 'vitest';
import { goldenSamples, orthogonal, withSpectrum } from '../__fixtures__/samples.js';
import { plainLinearAlgebra, type LinearAlgebra } from '../linear-algebra/linear-algebra.js';
import { frechetDistance, frechetDistanceOfFeatures, frechetReference } from '../metrics/frechet-distance.js';
import { momentsOf } from '../moments.js';
import { nativeLinearAlgebra } from './native-linear-algebra.js';

const found = await nativeLinearAlgebra().then(
  (native) => ({ native, why: '' }),
  (error: unknown) => ({ native: undefined, why: `skipped: ${String(error)}` }),
);

const n = 60;
const regular = withSpectrum(
  orthogonal(1, n),
  Array.from({ length: n }, (_, i) => 1 + i),
);
const singular = withSpectrum(
  orthogonal(2, n),
  Array.from({ length: n }, (_, i) => (i < 20 ? 1 + i : 0)),
);

/** The largest difference below the diagonal. */
function difference(a: Float64Array, b: Float64Array, rows: number): number {
  let most = 0;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j <= i; j++) most = Math.max(most, Math.abs(a[i * rows + j]! - b[i * rows + j]!));
  }
  return most;
}

describe.skipIf(found.native === undefined)(`the system's LAPACK ${found.why}`, () => {
  const native = found.native as LinearAlgebra;

  test('adds products', () => {
    const of = ({ addProduct }: LinearAlgebra, lower: boolean): Float64Array => {
      const c = new Float64Array(n * n).fill(1);
      const b = lower ? regular : singular.subarray(0, n * n);
      addProduct(c, regular, b, [n, n, n], { lower });
      return c;
    };
    // 60 roundings of sums up to 60^2
    for (const lower of [true, false]) {
      expect(difference(of(native, lower), of(plainLinearAlgebra, lower), n)).toBeLessThan(1e-10);
    }
    const c = new Float64Array(6);
    native.addProduct(c, Float64Array.of(1, 2, 3, 4), Float64Array.of(1, 0, 0, 1, 1, 1), [2, 3, 2]);
    expect([...c]).toEqual([1, 2, 3, 3, 4, 7]);
  });

  test.each([
    ['regular', regular, n],
    ['singular', singular, 20],
  ])('factors a %s matrix, multiplies by the factor, and has its eigenvalues', (_, matrix, rank) => {
    const [ours, theirs] = [plainLinearAlgebra, native].map((algebra) => algebra.pivotedCholesky(matrix, n));
    expect(theirs!.rank).toBe(rank);
    expect(theirs!.order).toEqual(ours!.order);
    expect(theirs!.factor.length).toBe(rank * n);
    theirs!.factor.forEach((value, at) => expect(value).toBeCloseTo(ours!.factor[at]!, 9));
    const [mine, products] = [plainLinearAlgebra, native].map((algebra) =>
      algebra.congruence(ours!.factor, rank, regular, n),
    );
    expect(difference(products!, mine!, rank)).toBeLessThan(1e-9);
    const [values, eigenvalues] = [plainLinearAlgebra, native].map((algebra) =>
      algebra.symmetricEigenvalues(matrix.slice(), n),
    );
    eigenvalues!.forEach((value, i) => expect(value).toBeCloseTo(values![i]!, 10));
  });

  test('gives the Fréchet distance of plain JavaScript', () => {
    const [x, y] = [goldenSamples(1, 90, 50, 50, 0), goldenSamples(2, 30, 50, 50, 0.25)];
    for (const [a, b] of [
      [x, y],
      [y, x],
      [x, x],
    ] as const) {
      const plain = frechetDistance(momentsOf(a), momentsOf(b)).value;
      const reference = frechetReference(momentsOf(b), { linearAlgebra: native });
      // Roots of rounding errors if one of the two is singular.
      expect(Math.abs(frechetDistance(momentsOf(a), reference).value - plain)).toBeLessThan(1e-6 * (1 + plain));
      expect(Math.abs(frechetDistanceOfFeatures(a, reference).value - plain)).toBeLessThan(1e-6 * (1 + plain));
    }
  });
});

test('without a library an error says what to install', async () => {
  await expect(nativeLinearAlgebra({ library: 'libnothing.so.7' })).rejects.toMatchObject({
    name: 'RuntimeUnavailableError',
    message: expect.stringMatching(/apt install libopenblas0.*libnothing\.so\.7/) as string,
  });
});

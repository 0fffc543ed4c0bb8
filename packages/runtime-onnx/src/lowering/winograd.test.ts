import fc from 'fast-check';
import { expect, it } from 'vitest';
import { minimalFiltering } from './winograd.js';

const apply = (m: readonly (readonly number[])[], x: readonly number[]): number[] =>
  m.map((row) => row.reduce((sum, value, i) => sum + value * x[i]!, 0));

it('filters: A^T ((G g) * (B^T d)) is the correlation, for any numbers of outputs and taps and any points', () => {
  const sizes = fc.record({ outputs: fc.integer({ min: 1, max: 5 }), taps: fc.integer({ min: 1, max: 4 }) });
  const cases = sizes.chain(({ outputs, taps }) => {
    const n = outputs + taps - 1;
    const numbers = (length: number) =>
      fc.array(fc.integer({ min: -9, max: 9 }), { minLength: length, maxLength: length });
    return fc.record({
      outputs: fc.constant(outputs),
      taps: fc.constant(taps),
      points: fc.uniqueArray(fc.integer({ min: -8, max: 8 }), { minLength: n - 1, maxLength: n - 1 }),
      d: numbers(n),
      g: numbers(taps),
    });
  });
  fc.assert(
    fc.property(cases, ({ outputs, taps, points, d, g }) => {
      const halves = points.map((point) => point / 2);
      const { input, kernel, output } = minimalFiltering(outputs, taps, halves);
      const values = apply(input, d);
      const got = apply(
        output,
        apply(kernel, g).map((weight, i) => weight * values[i]!),
      );
      for (let i = 0; i < outputs; i++) {
        const wanted = g.reduce((sum, weight, j) => sum + weight * d[i + j]!, 0);
        // Powers up to 4^7 of the points and of their differences, in doubles.
        expect(got[i]!).toBeCloseTo(wanted, 6);
      }
    }),
  );
});

it('is F(2, 3) as Winograd gives it, up to the scale of products', () => {
  expect(minimalFiltering(2, 3, [0, 1, -1])).toEqual({
    input: [
      [-1, 0, 1, 0],
      [0, 1, 1, 0],
      [0, -1, 1, 0],
      [0, -1, 0, 1],
    ],
    kernel: [
      [-1, -0, -0],
      [0.5, 0.5, 0.5],
      [0.5, -0.5, 0.5],
      [0, 0, 1],
    ],
    output: [
      [1, 1, 1, 0],
      [0, 1, -1, 1],
    ],
  });
});

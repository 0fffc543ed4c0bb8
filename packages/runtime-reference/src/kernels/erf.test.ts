import { expect, it } from 'vitest';
import { erf, erfc } from './erf.js';

it.each([
  // To double precision; Abramowitz and Stegun, table 7.1, and NIST DLMF 7.23 for the larger arguments.
  [0, 0],
  [0.1, 0.1124629160182849],
  [0.5, 0.5204998778130465],
  [1, 0.8427007929497149],
  [1.5, 0.9661051464753108],
  [2, 0.9953222650189527],
  [2.5, 0.999593047982555],
  [3, 0.9999779095030014],
  [3.5, 0.9999992569016276],
  [5, 0.9999999999984626],
])('erf(%d)', (x, wanted) => {
  // Two units in the last place of a double.
  expect(Math.abs(erf(x) - wanted)).toBeLessThanOrEqual(2.3e-16);
  expect(erf(-x)).toBe(-erf(x));
});

it.each([
  // NIST DLMF 7.23, and erfc(-x) = 2 - erfc(x).
  [0, 1],
  [-1, 1.842700792949715],
  [1, 0.15729920705028513],
  [2, 0.004677734981047266],
  [3, 2.209049699858544e-5],
  [5, 1.5374597944280349e-12],
  [10, 2.088487583762545e-45],
  [26, 5.663192408856143e-296],
])('erfc(%d)', (x, wanted) => {
  expect(Math.abs(erfc(x) / wanted - 1)).toBeLessThanOrEqual(1e-12);
});

it('ends at 0 and 2, and the complement is NaN of NaN', () => {
  expect([erfc(40), erfc(Infinity), erfc(-Infinity), erfc(-40)]).toEqual([0, 0, 2, 2]);
  expect(erfc(NaN)).toBeNaN();
});

it('ends at 1, and is NaN of NaN', () => {
  expect([erf(6), erf(40), erf(Infinity), erf(-Infinity)]).toEqual([1, 1, 1, -1]);
  expect(erf(NaN)).toBeNaN();
});

it('grows without a jump where the formula changes', () => {
  for (const x of [2.5, 6]) {
    const [below, above] = [erf(x - 1e-9), erf(x + 1e-9)];
    // The slope is 2/sqrt(pi) exp(-x^2).
    expect(above - below).toBeGreaterThanOrEqual(0);
    expect(above - below).toBeLessThan((2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * 2e-9 + 4e-16);
  }
});

import { expect, it } from 'vitest';
import { erf } from './erf.js';

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

import { expect, test } from 'vitest';
import { powerEma } from '../ema.js';
import { gammaOf, profileCosine, profileNorm, type PowerProfile } from './power-profile.js';

/** The profile by its definition, at time tau. */
function density({ width, step }: PowerProfile, tau: number): number {
  const gamma = gammaOf(width);
  return tau > step ? 0 : ((gamma + 1) * (tau / step) ** gamma) / step;
}

/** Simpson's rule, on an interval in which the function is smooth. */
function integral(f: (tau: number) => number, end: number, parts = 20_000): number {
  const h = end / parts;
  let sum = f(0) + f(end);
  for (let i = 1; i < parts; i++) sum += (i % 2 === 1 ? 4 : 2) * f(i * h);
  return (sum * h) / 3;
}

test.each([0.02, 0.05, 0.1, 0.2])('a profile of width %d has mass 1 and that deviation', (width) => {
  const moment = (power: number): number =>
    integral((tau) => (tau / 500) ** power * density({ width, step: 500 }, tau), 500);
  expect(moment(0)).toBeCloseTo(1, 9);
  expect(Math.sqrt(moment(2) - moment(1) ** 2)).toBeCloseTo(width, 8);
});

test.each([
  [0.05, 500, 0.1, 500],
  [0.05, 500, 0.05, 400],
  [0.1, 300, 0.05, 2000],
  [0.02, 900, 0.2, 1000],
  [0.25, 1000, 0.03, 10],
])('the cosine of widths %d at %d and %d at %d is that of numerical integration', (width, step, other, end) => {
  const [a, b] = [
    { width, step },
    { width: other, step: end },
  ];
  const product = (p: PowerProfile, q: PowerProfile): number =>
    integral((tau) => density(p, tau) * density(q, tau), Math.min(p.step, q.step));
  // Simpson's rule is exact to 1e-9 here: (h / tau)^4 with 20,000 parts.
  expect(profileNorm(a) / Math.sqrt(product(a, a))).toBeCloseTo(1, 9);
  expect(profileCosine(a, b) / (product(a, b) / Math.sqrt(product(a, a) * product(b, b)))).toBeCloseTo(1, 8);
  expect(profileCosine(b, a)).toBe(profileCosine(a, b));
});

test('the cosine of a profile with itself is 1, and none is lost at a million million steps', () => {
  const late = { width: 0.01, step: 1e12 };
  expect(profileCosine(late, late)).toBeCloseTo(1, 14);
  expect(profileCosine({ width: 0.05, step: 5e11 }, { width: 0.05, step: 1e12 })).toBeCloseTo(
    profileCosine({ width: 0.05, step: 5 }, { width: 0.05, step: 10 }),
    14,
  );
});

test.each([0.05, 0.1, 0.25])('updates by powerEma(%d) give every step the integral of the profile over it', (width) => {
  const decay = powerEma(width);
  const n = 300;
  let rest = 1;
  for (let k = n; k >= 1; k--) {
    const beta = decay({ step: k - 1, iterations: n });
    const over = (k / n) ** (gammaOf(width) + 1) - ((k - 1) / n) ** (gammaOf(width) + 1);
    expect(rest * (1 - beta)).toBeCloseTo(over, 14);
    rest *= beta;
  }
  expect(rest).toBe(0);
});

import { uniformGrid } from '@flowmap/core';
import { expect, test } from 'vitest';
import { matching } from './closed-forms.js';
import { consistencySpread, flowMapSpread } from './gaussian.js';
import {
  consistencyCovariance,
  covarianceOf,
  flowMapCovariance,
  normalDistance,
  scaled,
  type Matrix,
} from './plane.js';

const grids = [1, 3, 8].map((steps) => Array.from(uniformGrid(steps)));
const error: Matrix = [0.05, 0, 0, 0.05];
const none: Matrix = [0, 0, 0, 0];

test.each(['linear', 'trigonometric'] as const)('along the axes they are models on a line, on the %s path', (path) => {
  const ellipse = { stds: [0.5, 1.3], angle: 0, path } as const;
  for (const grid of grids) {
    const spreads = ellipse.stds.map((std) => [
      consistencySpread({ std, path }, grid, () => 0.05),
      flowMapSpread({ std, path }, grid, 0.05),
    ]);
    const [first, second] = [consistencyCovariance(ellipse, grid, error), flowMapCovariance(ellipse, grid, error)];
    expect([first[0], first[3]].map(Math.sqrt)).toEqual(
      spreads.map(([spread]) => expect.closeTo(spread!, 12) as number),
    );
    expect([second[0], second[3]].map(Math.sqrt)).toEqual(
      spreads.map(([, spread]) => expect.closeTo(spread!, 12) as number),
    );
    const distance = Math.hypot(...spreads.map(([spread], i) => spread! - ellipse.stds[i]!));
    expect(normalDistance(first, covarianceOf(ellipse))).toBeCloseTo(distance, 7); // the root of a small difference
  }
});

test('exact models have the covariance of the data, and turning the data turns that of the samples', () => {
  const upright = { stds: [1, 0.2], angle: 0 } as const;
  const turned = { ...upright, angle: 0.7 };
  for (const grid of grids) {
    for (const covariance of [consistencyCovariance(turned, grid, none), flowMapCovariance(turned, grid, none)]) {
      covarianceOf(turned).forEach((value, i) => expect(covariance[i]).toBeCloseTo(value, 12));
    }
    // An error that is a multiple of the unit matrix has no axes.
    const [a, b] = [consistencyCovariance(upright, grid, error), consistencyCovariance(turned, grid, error)];
    expect(normalDistance(b, covarianceOf(turned))).toBeCloseTo(normalDistance(a, covarianceOf(upright)), 7);
    expect(b[1]).toBeCloseTo(b[2], 12);
  }
});

test('the distance of normal laws is that of the roots of commuting covariances, and known for others', () => {
  expect(normalDistance([4, 0, 0, 9], [1, 0, 0, 25])).toBeCloseTo(Math.sqrt(1 + 4), 12);
  // A^(1/2) B A^(1/2) = (2.5 3; 3 10) for A = diag(1, 4), B = (2.5 1.5; 1.5 2.5): its determinant is 16, its trace 12.5.
  const distance = Math.sqrt(5 + 5 - 2 * Math.sqrt(12.5 + 2 * 4));
  expect(normalDistance([1, 0, 0, 4], [2.5, 1.5, 1.5, 2.5])).toBeCloseTo(distance, 12);
});

test('an error is scaled until one step is as far off', () => {
  const ellipse = { stds: [1, 0.2], angle: 0.5 } as const;
  const shear: Matrix = [0, 0.05, 0, 0];
  const distanceAt = (factor: number): number =>
    normalDistance(flowMapCovariance(ellipse, [1, 0], scaled(shear, factor)), covarianceOf(ellipse));
  expect(distanceAt(matching(0.2, distanceAt))).toBeCloseTo(0.2, 10);
  expect(matching(9, (factor) => factor ** 2)).toBeCloseTo(3, 12);
});

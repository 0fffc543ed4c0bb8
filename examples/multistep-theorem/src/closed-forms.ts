import { uniformGrid, type PathName } from '@flowmap/core';
import { consistencyMean, consistencySpread, flowMapSpread } from './gaussian.js';
import type { Curve, Panel } from './panels.js';
import {
  consistencyCovariance,
  covarianceOf,
  flowMapCovariance,
  normalDistance,
  scaled,
  type Matrix,
} from './plane.js';

/** Standard deviation of the data on a line: the paper's. */
export const STD = 0.5;

/** Data in the plane: thin, and not along the axes. */
const ELLIPSE = { stds: [1, 0.2], angle: Math.PI / 6 } as const;

/** Relative errors of f by name; the paper's theorem is about any. */
const SHAPES: readonly (readonly [name: string, g: (t: number) => number])[] = [
  ['g = +0.05', () => 0.05],
  ['g = −0.05', () => -0.05],
  ['g = +0.01', () => 0.01],
  ['g = 0.05 √t', (t) => 0.05 * Math.sqrt(t)],
  ['g = 0.05 t', (t) => 0.05 * t],
  ['g = 0.05 (0.1 + 0.9 t)', (t) => 0.05 * (0.1 + 0.9 * t)],
];

/** Errors of the size 0.05 in the plane; the shear and the turn do not share the axes of the data. */
const ERRORS: readonly (readonly [name: string, K: Matrix])[] = [
  ['larger', [0.05, 0, 0, 0.05]],
  ['smaller', [-0.05, 0, 0, -0.05]],
  ['sheared', [0, 0.05, 0, 0]],
  ['turned', [0, -0.05, 0.05, 0]],
];

/** The grid of one step. */
const ONE_STEP = [1, 0];

/** Makes curves of distances that are known for each grid, on those of so many steps. */
function curvesOn(steps: readonly number[]) {
  return (name: string, kind: Curve['kind'], distanceOn: (times: readonly number[]) => number): Curve => {
    return { name, kind, distances: steps.map((count) => distanceOn(Array.from(uniformGrid(count)))) };
  };
}

/** Normal data on a line, with the errors of the theorem. */
export function gaussianPanel(steps: readonly number[]): Panel {
  const curve = curvesOn(steps);
  const setting = { std: STD };
  return {
    id: 'gaussian',
    title: 'Normal data on a line, c = 0.5',
    curves: [
      ...SHAPES.map(([name, g]) =>
        curve(name, 'consistency', (times) => Math.abs(consistencySpread(setting, times, g) - STD)),
      ),
      curve('f* + 0.01', 'consistency', (times) => consistencyMean(setting, times, 0.01)),
      curve('F = 1.05 F*', 'flow map', (times) => Math.abs(flowMapSpread(setting, times, 0.05) - STD)),
    ],
  };
}

/** The same on both paths. */
export function pathsPanel(steps: readonly number[]): Panel {
  const curve = curvesOn(steps);
  const curves = (['linear', 'trigonometric'] as const).flatMap((path: PathName) => {
    const setting = { std: STD, path };
    return [
      curve(`g = +0.05, ${path} path`, 'consistency', (times) =>
        Math.abs(consistencySpread(setting, times, () => 0.05) - STD),
      ),
      curve(`F = 1.05 F*, ${path} path`, 'flow map', (times) => Math.abs(flowMapSpread(setting, times, 0.05) - STD)),
    ];
  });
  return { id: 'paths', title: 'Two paths, c = 0.5', curves };
}

/** Normal data in the plane with two deviations. The flow map's error is the same matrix, times what makes one step as far off. */
export function ellipsePanel(steps: readonly number[]): Panel {
  const curve = curvesOn(steps);
  const wanted = covarianceOf(ELLIPSE);
  const distanceOf = (covariance: Matrix): number => normalDistance(covariance, wanted);
  const curves = ERRORS.flatMap(([name, K]) => {
    const target = distanceOf(consistencyCovariance(ELLIPSE, ONE_STEP, K));
    const factor = matching(target, (by) => distanceOf(flowMapCovariance(ELLIPSE, ONE_STEP, scaled(K, by))));
    return [
      curve(name, 'consistency', (times) => distanceOf(consistencyCovariance(ELLIPSE, times, K))),
      curve(`${name}, by ${factor.toFixed(2)} K`, 'flow map', (times) =>
        distanceOf(flowMapCovariance(ELLIPSE, times, scaled(K, factor))),
      ),
    ];
  });
  return { id: 'ellipse', title: 'Normal data in the plane, deviations 1 and 0.2', curves };
}

/** The smallest factor at which a rising distance reaches a target, by doubling and bisection. */
export function matching(target: number, distanceAt: (factor: number) => number): number {
  let [low, high] = [0, 1];
  while (distanceAt(high) < target) [low, high] = [high, 2 * high];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (distanceAt(middle) < target) low = middle;
    else high = middle;
  }
  return high;
}

import { requireKnownOptions } from '@flowmap/core';
import type { DatasetWithDensity, ToyOptions } from './density.js';
import { gaussianMixture } from './gaussian-mixture.js';

/** Radius of the circle and width of a component: σ = R/10 and, per coordinate, `R²/2 + σ² = 1`. */
const RADIUS = 1 / Math.sqrt(0.5 + 0.01);
const STD = RADIUS / 10;

/**
 * Eight equal Gaussians on a circle; the class is the component, numbered counter-clockwise from the positive x axis.
 *
 * Density: `p(x) = 1/8 Σ_k N(x; R (cos kπ/4, sin kπ/4), σ² I)` with R ≈ 1.400 and σ = R/10, so each coordinate has mean
 * 0 and standard deviation 1, and the two are uncorrelated.
 */
export function eightGaussians(options: ToyOptions = {}): DatasetWithDensity {
  requireKnownOptions('eightGaussians', options, { seed: true });
  const { seed = 0 } = options;
  const angles = Array.from({ length: 8 }, (_, k) => (k * Math.PI) / 4);
  return gaussianMixture({
    name: 'eight Gaussians',
    seed,
    weights: angles.map(() => 1),
    means: angles.map((angle) => [RADIUS * Math.cos(angle), RADIUS * Math.sin(angle)]),
    stds: angles.map(() => STD),
  });
}

import { normals, requireKnownOptions, uniforms } from '@flowmap/core';
import { badArgument, checkPoint } from '../internal/checks.js';
import { distribution } from '../distribution.js';
import type { DatasetWithDensity, ToyOptions } from './density.js';

/** The components of a {@link gaussianMixture}; the three arrays have the same length. */
export interface GaussianMixtureOptions extends ToyOptions {
  /** How often each component is drawn; positive, scaled to sum to 1. */
  readonly weights: readonly number[];
  /** Mean of each component, `[components][dimension]`. */
  readonly means: readonly (readonly number[])[];
  /** Standard deviation of each component, the same in every direction; positive. */
  readonly stds: readonly number[];
  /** Names of the components as classes; default `'0'`, `'1'`, …; `[]` = unconditional. */
  readonly classes?: readonly string[];
  /** Name in logs and error messages; default `'gaussian mixture'`. */
  readonly name?: string;
}

/**
 * A mixture of isotropic Gaussians in any number of dimensions; the class is the component.
 *
 * Density: `p(x) = Σ_k w_k N(x; μ_k, σ_k² I)`.
 *
 * @throws {ConfigError} when the arrays differ in length, the means in dimension, or a weight or deviation is not
 *   positive
 *
 * @example
 * const data = gaussianMixture({ weights: [1, 3], means: [[-1], [1]], stds: [0.3, 0.5] });
 * const { x, conditions } = await data.batch([0, 1, 2]); // three draws, and their components as `label`
 * const logp = data.logDensity([0.2]);
 */
export function gaussianMixture(options: GaussianMixtureOptions): DatasetWithDensity {
  requireKnownOptions('gaussianMixture', options, {
    weights: true,
    means: true,
    stds: true,
    classes: true,
    name: true,
    seed: true,
  });
  const { weights, means, stds, seed = 0, name = 'gaussian mixture' } = options;
  const classes = options.classes ?? means.map((_, k) => String(k));
  checkComponents(weights, means, stds, classes);
  const dimension = means[0]!.length;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const component = (u: number): number => {
    let rest = u * total;
    const k = weights.findIndex((weight) => (rest -= weight) < 0);
    return k < 0 ? weights.length - 1 : k; // u just below 1 may survive the rounding of the sum
  };

  const dataset = distribution({
    name,
    dimension,
    classes,
    seed,
    draw(key, out, at) {
      const [u] = uniforms(key('mixture component'), 1);
      const k = component(u!);
      const noise = normals(key('mixture noise'), dimension);
      for (let d = 0; d < dimension; d++) out[at + d] = means[k]![d]! + stds[k]! * noise[d]!;
      return k;
    },
  });
  return {
    ...dataset,
    logDensity(point) {
      checkPoint(`${name}.logDensity`, point, dimension);
      const terms = weights.map((weight, k) => {
        const std = stds[k]!;
        const squared = means[k]!.reduce((sum, mean, d) => sum + ((point[d]! - mean) / std) ** 2, 0);
        return Math.log(weight / total) - squared / 2 - dimension * Math.log(std * Math.sqrt(2 * Math.PI));
      });
      const greatest = Math.max(...terms);
      return greatest + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - greatest), 0));
    },
  };
}

function checkComponents(
  weights: readonly number[],
  means: readonly (readonly number[])[],
  stds: readonly number[],
  classes: readonly string[],
): void {
  const fail = (argument: string, wanted: string, got: string): never => {
    throw badArgument('gaussianMixture', argument, wanted, got);
  };
  const count = means.length;
  const dimension = means[0]?.length ?? 0;
  if (dimension === 0 || means.some((mean) => mean.length !== dimension || !mean.every(Number.isFinite))) {
    fail('means', 'one or more points of equally many finite numbers', JSON.stringify(means));
  }
  const positive = (values: readonly number[]): boolean =>
    values.length === count && values.every((value) => value > 0 && value < Infinity);
  if (!positive(weights)) fail('weights', `${count} positive numbers, one per mean`, JSON.stringify(weights));
  if (!positive(stds)) fail('stds', `${count} positive numbers, one per mean`, JSON.stringify(stds));
  if (classes.length !== 0 && classes.length !== count) {
    fail('classes', `${count} names, one per mean, or []`, JSON.stringify(classes));
  }
}

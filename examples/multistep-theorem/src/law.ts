import type { PathName } from '@flowmap/core';
import { factorsAt, type Factors } from './factors.js';

// Laws on a line are sums over points: what they become in a sampler is computed by quadrature, without drawing samples.
// The trapezoidal rule is exact to 1e-8 for a density that is smooth over the spacing of its points, as every density is to
// which noise of at least that deviation was added.

/** A law on a line: expectations are sums over its points. */
export interface Law {
  readonly points: Float64Array;
  /** One for each point; they add up to 1. */
  readonly weights: Float64Array;
}

/** Moves points of a line from one time to another. */
export type LineMap = (points: Float64Array, t: number, s: number) => Promise<Float64Array>;

/** Noise is cut off at this many deviations, beyond which lies 1e-10 of its mass. */
const REACH = 6.5;

/** Points of less weight are left out, or the range of the points would grow from step to step. */
const LEAST = 1e-13;

/** The standard normal law on a number of points, at least 2. */
export function noiseLaw(count: number): Law {
  const points = new Float64Array(count);
  return noised({ points, weights: points.map(() => 1 / count) }, { alpha: 0, sigma: 1 });
}

/**
 * The law of `alpha x + sigma z` for x of a law and standard normal z, on as many points, evenly spaced: the density
 * `sum_i w_i N(y; alpha x_i, sigma^2)`.
 */
export function noised({ points, weights }: Law, { alpha, sigma }: Factors): Law {
  const count = points.length;
  const kept = Array.from(points.keys()).filter((i) => weights[i]! > LEAST);
  const centres = kept.map((i) => alpha * points[i]!);
  const reach = REACH * sigma;
  const low = centres.reduce((a, b) => Math.min(a, b)) - reach;
  const spacing = (centres.reduce((a, b) => Math.max(a, b)) + reach - low) / (count - 1);
  const density = new Float64Array(count);
  centres.forEach((centre, k) => {
    const weight = weights[kept[k]!]!;
    const first = Math.max(0, Math.ceil((centre - reach - low) / spacing));
    const last = Math.min(count - 1, Math.floor((centre + reach - low) / spacing));
    for (let j = first; j <= last; j++) {
      density[j]! += weight * Math.exp(-(((low + j * spacing - centre) / sigma) ** 2) / 2);
    }
  });
  const total = density.reduce((a, b) => a + b);
  return { points: density.map((_, j) => low + j * spacing), weights: density.map((value) => value / total) };
}

/** The samples of a consistency model: each step leads to data, and all but the first start by adding noise again. */
export async function consistencyLaw(
  noise: Law,
  map: LineMap,
  times: readonly number[],
  path: PathName = 'linear',
): Promise<Law> {
  let law = noise;
  for (const [i, t] of times.slice(0, -1).entries()) {
    if (i > 0) law = noised(law, factorsAt(path, t));
    law = { ...law, points: await map(law.points, t, 0) };
  }
  return law;
}

/** The samples of a flow map. */
export async function flowMapLaw(noise: Law, map: LineMap, times: readonly number[]): Promise<Law> {
  let { points } = noise;
  for (let i = 1; i < times.length; i++) points = await map(points, times[i - 1]!, times[i]!);
  return { ...noise, points };
}

/**
 * Wasserstein-2 distance of two laws: the root of the mean square of the difference of their quantiles. A point's level is
 * the mass below it and half of its own, and quantiles between points are linear.
 */
export function lawDistance(a: Law, b: Law): number {
  const [first, second] = [quantilesOf(a), quantilesOf(b)];
  const levels = Float64Array.from([0, ...first.levels, ...second.levels, 1]).sort();
  const differences = { a: first.at(levels), b: second.at(levels) };
  const gaps = differences.a.map((value, i) => value - differences.b[i]!);
  let squares = 0;
  for (let i = 1; i < levels.length; i++) {
    const [from, to] = [gaps[i - 1]!, gaps[i]!];
    squares += ((levels[i]! - levels[i - 1]!) * (from ** 2 + from * to + to ** 2)) / 3;
  }
  return Math.sqrt(squares);
}

/** Root of the mean square of a function over a law. */
export function rootMeanSquare({ weights }: Law, values: Float64Array): number {
  return Math.sqrt(weights.reduce((sum, weight, i) => sum + weight * values[i]! ** 2, 0));
}

/** A quantile function that is linear between points. */
interface Quantiles {
  readonly levels: Float64Array;
  /** Its values at levels in ascending order. */
  readonly at: (levels: Float64Array) => Float64Array;
}

function quantilesOf({ points, weights }: Law): Quantiles {
  const order = Array.from(points.keys()).sort((i, j) => points[i]! - points[j]!);
  const sorted = order.map((i) => points[i]!);
  let below = 0;
  const levels = Float64Array.from(order, (i) => {
    below += weights[i]!;
    return below - weights[i]! / 2;
  });
  const last = levels.length - 1;
  return {
    levels,
    at(wanted) {
      let i = 0;
      return wanted.map((level) => {
        while (i < last && levels[i + 1]! < level) i++;
        const [from, to] = [levels[i]!, levels[Math.min(i + 1, last)]!];
        const share = to > from ? Math.min(1, Math.max(0, (level - from) / (to - from))) : 0;
        return sorted[i]! + share * (sorted[Math.min(i + 1, last)]! - sorted[i]!);
      });
    },
  };
}

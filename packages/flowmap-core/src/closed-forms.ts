import { concat, full, jvp, requireKnownOptions, select, stopGradient, type Tensor } from '@flowmap/tensor';
import { ConfigError } from './errors.js';
import { sinc } from './internal/trigonometry.js';
import { linearPath, perSample, ratesOf, type Path } from './path.js';
import type { FlowMap, VelocityField } from './plugins.js';

/** Data whose coordinates are independent and normal, all with the same distribution. */
export interface Gaussian {
  /** 0 unless given. */
  readonly mean?: number;
  /** Standard deviation, > 0. */
  readonly std: number;
}

/**
 * Data whose coordinates are independent, each a mixture of normal distributions. The lists have one entry per
 * component.
 */
export interface Mixture {
  /** Weights > 0, which are normalised to sum to 1. */
  readonly weights: readonly number[];
  readonly means: readonly number[];
  /** Standard deviations, > 0. */
  readonly stds: readonly number[];
}

/** How often the interval that holds a quantile is halved; its final width is 1e-13 standard deviations. */
const BISECTIONS = 48;

/** n Newton steps from a constant starting point have the solution's derivatives of orders 1 to 2^n - 1. */
const NEWTON_STEPS = 2;

/** Quantiles are searched for within this many standard deviations of the components. */
const REACH = 10;

/**
 * The exact velocity of a path for Gaussian data, `v(x, t) = alpha' m + sigma_x' / sigma_x (x - alpha m)` with
 * `sigma_x = sqrt(alpha^2 c^2 + sigma^2)` for mean `m` and standard deviation `c`. A teacher for tests and experiments,
 * with samples of any shape. On the linear path, `v(x, t) = -m + rate(t) (x - (1 - t) m)` with
 * `rate(t) = (t - (1 - t) c^2) / ((1 - t)^2 c^2 + t^2)`.
 *
 * @param path linear unless given
 * @throws {ConfigError} for a standard deviation that is not a number > 0, or a mean that is not finite
 */
export function gaussianVelocity(options: Gaussian, path: Path = linearPath): VelocityField {
  requireKnownOptions('gaussianVelocity', options, { mean: true, std: true });
  const { mean = 0, std } = options;
  checkComponent('gaussian', mean, std);
  return {
    parameters: {},
    velocity(_, { x, t }) {
      const time = perSample(t, x);
      if (path.name === 'linear') return componentVelocity(x, time, mean, std);
      const { alpha, sigma } = path.at(time);
      const rates = ratesOf(path, time);
      const variance = std ** 2;
      // sigma_x' / sigma_x = (alpha alpha' c^2 + sigma sigma') / sigma_x^2
      const numerator = alpha.mul(rates.alpha).mul(variance).add(sigma.mul(rates.sigma));
      const growth = numerator.div(spreadOn(path, time, std).square());
      return growth.mul(x.sub(alpha.mul(mean))).add(rates.alpha.mul(mean));
    },
  };
}

/**
 * The exact flow map of Gaussian data, `f(x, t, s) = alpha(s) m + sigma_x(s) / sigma_x(t) (x - alpha(t) m)` with
 * `sigma_x = sqrt(alpha^2 c^2 + sigma^2)`; on the linear path, alpha is `1 - t` and sigma is t. Its average velocity is
 * written without dividing by `s - t`, so it and its derivatives of every order are also accurate near s = t and at
 * s = t, where it is the velocity.
 *
 * @param path linear unless given
 * @throws {ConfigError} as {@link gaussianVelocity}
 */
export function gaussianFlowMap(options: Gaussian, path: Path = linearPath): FlowMap {
  requireKnownOptions('gaussianFlowMap', options, { mean: true, std: true });
  const { mean = 0, std } = options;
  checkComponent('gaussian', mean, std);
  if (path.name === 'trigonometric') return trigonometricGaussian(mean, std, path);
  return flowMapOf((x, t, s) => {
    // (sigma(s) - sigma(t)) / (s - t) = ((1 + c^2)(s + t) - 2 c^2) / (sigma(s) + sigma(t))
    const [start, end] = [spread(t, std), spread(s, std)];
    const scaled = s.add(t).mul(1 + std ** 2);
    const slope = scaled.sub(2 * std ** 2).div(end.add(start));
    return x.sub(centre(t, mean)).mul(slope.div(start)).sub(mean);
  });
}

/** {@link gaussianFlowMap} on the trigonometric path. */
function trigonometricGaussian(mean: number, std: number, path: Path): FlowMap {
  return flowMapOf((x, t, s) => {
    const [start, end] = [spreadOn(path, t, std), spreadOn(path, s, std)];
    const [sum, half] = [s.add(t).mul(Math.PI / 4), s.sub(t).mul(Math.PI / 4)];
    // (alpha(s) - alpha(t)) / (s - t) = -π / 2 sin(sum) sinc(half)
    const driftFactor = (-Math.PI / 2) * mean;
    const drift = sum.sin().mul(sinc(half)).mul(driftFactor);
    // (sigma_x(s)^2 - sigma_x(t)^2) / (s - t) = (1 - c^2) π / 2 sin(2 sum) sinc(2 half),
    // as sigma_x^2 = 1 - (1 - c^2) cos(π t / 2)^2
    const squaresFactor = ((1 - std ** 2) * Math.PI) / 2;
    const sine = sum.mul(2).sin();
    const squares = sine.mul(sinc(half.mul(2))).mul(squaresFactor);
    const slope = squares.div(end.add(start));
    return x.sub(path.at(t).alpha.mul(mean)).mul(slope.div(start)).add(drift);
  });
}

/**
 * The exact velocity of the linear path for data whose coordinates follow a mixture of normal distributions: the
 * components' velocities, weighted by the probability of each component given `x`.
 *
 * @throws {ConfigError} for lists that are empty or of unequal length, weights or standard deviations that are not > 0,
 *   or means that are not finite
 */
export function mixtureVelocity(mixture: Mixture): VelocityField {
  const parts = componentsOf(mixture);
  return { parameters: {}, velocity: (_, { x, t }) => meanVelocity(parts, x, perSample(t, x)) };
}

/**
 * The exact flow map of data whose coordinates follow a mixture of normal distributions. Trajectories in one dimension
 * cannot cross, so it preserves ranks: `CDF_s(f(x, t, s)) = CDF_t(x)`. The equation is solved by bisection and two
 * Newton steps. First and second derivatives are exact everywhere, third derivatives where s differs from t, higher
 * ones nowhere. Near s = t (but not at it) the average velocity `(f - x) / (s - t)` loses digits: its error is about
 * `1e-13 / |s - t|`, with another factor `1 / |s - t|` for each derivative in t or s. Meant for the reference runtime:
 * in single precision all errors are 1e9 times larger, and the tails suffer.
 *
 * @throws {ConfigError} as {@link mixtureVelocity}
 */
export function mixtureFlowMap(mixture: Mixture): FlowMap {
  const parts = componentsOf(mixture);
  return flowMapOf((x, t, s) => {
    const level = cumulative(parts, x, t);
    const reach = parts.map(({ mean, std }) => [centre(s, mean), spread(s, std).mul(REACH)] as const);
    const lows = reach.map(([middle, width]) => middle.sub(width));
    let low = lows.reduce((a, b) => a.minimum(b)).broadcastTo(x.shape);
    const highs = reach.map(([middle, width]) => middle.add(width));
    let high = highs.reduce((a, b) => a.maximum(b)).broadcastTo(x.shape);
    for (let i = 0; i < BISECTIONS; i++) {
      const middle = low.add(high).mul(0.5);
      const below = cumulative(parts, middle, s).less(level);
      [low, high] = [select(below, middle, low), select(below, high, middle)];
    }
    let end = stopGradient(low.add(high).mul(0.5));
    for (let i = 0; i < NEWTON_STEPS; i++) {
      const error = cumulative(parts, end, s).sub(level);
      end = end.sub(error.div(density(parts, end, s).maximum(1e-30)));
    }
    const still = s.equal(t);
    const average = end.sub(x).div(select(still, 1, s.sub(t)));
    return select(still.broadcastTo(x.shape), averageNearby(parts, x, t, s), average);
  });
}

/** A flow map from its average velocity, with times shaped to combine with `x`. */
function flowMapOf(average: (x: Tensor, t: Tensor, s: Tensor) => Tensor): FlowMap {
  const averageVelocity = (x: Tensor, t: Tensor, s: Tensor): Tensor => average(x, perSample(t, x), perSample(s, x));
  const map: FlowMap = {
    averageVelocity,
    map: (x, t, s) => x.add(perSample(s.sub(t), x).mul(averageVelocity(x, t, s))),
    under: () => map,
  };
  return map;
}

/** One normal distribution of a mixture. */
interface Component {
  readonly weight: number;
  readonly mean: number;
  readonly std: number;
}

/** Mean `(1 - t) m` of the path at time t. */
function centre(t: Tensor, mean: number): Tensor {
  return full(1).sub(t).mul(mean);
}

/** Standard deviation `sqrt((1 - t)^2 c^2 + t^2)` of the path at time t. */
function spread(t: Tensor, std: number): Tensor {
  return full(1).sub(t).mul(std).square().add(t.square()).sqrt();
}

/** Standard deviation `sqrt(alpha^2 c^2 + sigma^2)` of a path at time t. */
function spreadOn(path: Path, t: Tensor, std: number): Tensor {
  const { alpha, sigma } = path.at(t);
  return alpha.mul(std).square().add(sigma.square()).sqrt();
}

function componentVelocity(x: Tensor, t: Tensor, mean: number, std: number): Tensor {
  const variance = std ** 2;
  const numerator = t.sub(full(1).sub(t).mul(variance));
  const rate = numerator.div(spread(t, std).square());
  return rate.mul(x.sub(centre(t, mean))).sub(mean);
}

function meanVelocity(parts: readonly Component[], x: Tensor, t: Tensor): Tensor {
  const column = (value: Tensor): Tensor => value.reshape([...x.shape, 1]);
  const scores = parts.map(({ weight, mean, std }) => {
    const sigma = spread(t, std);
    return x.sub(centre(t, mean)).div(sigma).square().mul(-0.5).sub(sigma.log()).add(Math.log(weight));
  });
  const velocities = parts.map(({ mean, std }) => componentVelocity(x, t, mean, std));
  const probabilities = concat(scores.map(column), -1).softmax();
  return probabilities.mul(concat(velocities.map(column), -1)).sum([-1]);
}

/**
 * The mean of the velocity v along its trajectory from t to s, from the first terms of its series,
 * `v + h v' / 2 + h^2 v'' / 6`, where `h = s - t` and ' is the derivative along the trajectory. The value and its first
 * and second derivatives are exact at s = t.
 */
function averageNearby(parts: readonly Component[], x: Tensor, t: Tensor, s: Tensor): Tensor {
  type Field = (x: Tensor, t: Tensor) => Tensor;
  const velocity: Field = (x, t) => meanVelocity(parts, x, t);
  const along =
    (field: Field): Field =>
    (x, t) =>
      jvp(field, [x, t], [velocity(x, t), full(1, t.shape)])[1];
  const change = along(velocity);
  const h = s.sub(t);
  const twoTerms = velocity(x, t).add(h.mul(0.5).mul(change(x, t)));
  const factor = h.square().mul(1 / 6);
  return twoTerms.add(factor.mul(along(change)(x, t)));
}

/** Probability that a coordinate at time t is below x. */
function cumulative(parts: readonly Component[], x: Tensor, t: Tensor): Tensor {
  return total(parts, ({ weight, mean, std }) => {
    const z = x.sub(centre(t, mean)).div(spread(t, std));
    const factor = weight / 2;
    return z.mul(Math.SQRT1_2).erf().add(1).mul(factor);
  });
}

/** Derivative of {@link cumulative} with respect to x. */
function density(parts: readonly Component[], x: Tensor, t: Tensor): Tensor {
  return total(parts, ({ weight, mean, std }) => {
    const sigma = spread(t, std);
    const z = x.sub(centre(t, mean)).div(sigma);
    const factor = weight / Math.sqrt(2 * Math.PI);
    return z.square().mul(-0.5).exp().div(sigma).mul(factor);
  });
}

function total(parts: readonly Component[], term: (part: Component) => Tensor): Tensor {
  return parts.map(term).reduce((a, b) => a.add(b));
}

function componentsOf({ weights, means, stds }: Mixture): Component[] {
  if (weights.length === 0 || means.length !== weights.length || stds.length !== weights.length) {
    const got = `${weights.length}, ${means.length} and ${stds.length}`;
    throw new ConfigError('mixture', `wanted weights, means and stds of equal number, at least one; got ${got}`);
  }
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight, i) => {
    const [mean, std] = [means[i]!, stds[i]!];
    if (!(weight > 0 && weight < Infinity)) throw new ConfigError('mixture.weights', `wanted > 0, got ${weight}`);
    checkComponent('mixture', mean, std);
    return { weight: weight / sum, mean, std };
  });
}

function checkComponent(law: string, mean: number, std: number): void {
  if (!Number.isFinite(mean)) throw new ConfigError(`${law}, mean`, `wanted a finite number, got ${mean}`);
  if (!(std > 0 && std < Infinity)) throw new ConfigError(`${law}, std`, `wanted a number > 0, got ${std}`);
}

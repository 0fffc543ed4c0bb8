import { ConfigError, type Draws, type Progress } from '@flowmap/core';
import { normals, requireKnownOptions, requireMember, uniforms } from '@flowmap/tensor';
import { INTERVAL_ORDERS, type IntervalOrders } from './both-orders.js';
import { requireOneOf, requirePositive, requireShare } from './internal/checks.js';
import { isTaken, takenBefore } from './internal/places.js';

/** What one sample's draws depend on. */
export interface DrawKey extends Progress {
  readonly seed: number;
  /** Index in the batch, which selects the sample's random stream. */
  readonly sample: number;
  /** Index among the samples for which this distribution is drawn: in a mixture, those of its part. */
  readonly place: number;
}

/** An end of an interval: the target time s, or the time t that it starts from. */
export type HeldEnd = 'end' | 'start';

/** A distribution of the intervals `[s, t]` that a flow map is trained on, by their length `t - s` and their lower end. */
export interface IntervalLengths {
  readonly name: string;
  /** Its settings, defaults included. */
  readonly config: Readonly<Record<string, string | number>>;
  /** Shortest and longest length that it draws; `[0, 1]` unless given. */
  readonly range?: readonly [shortest: number, longest: number];
  /**
   * The end that is held while the other one takes all lengths, `end` for s and `start` for t: it suits only losses
   * with a derivative with respect to the other one, in one direction. Neither unless given.
   */
  readonly held?: HeldEnd | undefined;
  /** Draws a length in [0, 1], the same for the same key. */
  draw(key: DrawKey): number;
  /** Draws the lower end s of an interval of that length, in [0, 1 - length]; uniform unless given. */
  start?(key: DrawKey, length: number): number;
}

/**
 * Lengths `d = sigmoid(tau)`, `tau ~ N(mean, std^2)`: the distribution of Align Your Flow (Algorithm 1, appendix F),
 * which favours the middle. With (-0.8, 1), 12.6 % are at most 1/8, 2.8 % at most 1/16 and 0.13 % at least 0.9.
 *
 * @param options.mean mean of tau; -0.8 unless given
 * @param options.std standard deviation of tau, > 0; 1 unless given
 * @throws {ConfigError} for a standard deviation that is not positive
 */
export function logitNormalLengths(options: { mean?: number; std?: number } = {}): IntervalLengths {
  requireKnownOptions('logitNormalLengths', options, { mean: true, std: true });
  const { mean = -0.8, std = 1 } = options;
  requirePositive('logitNormalLengths.std', std);
  return {
    name: 'logit-normal',
    config: { mean, std },
    draw: (key) => 1 / (1 + Math.exp(-(mean + std * normals({ ...key, purpose: 'times' }, 1)[0]!))),
  };
}

/**
 * Lengths whose logarithm is uniform, `d = shortest^u`, `u ~ U(0, 1)`: each halving of the length gets the same share
 * of the batch, so a map is trained as well for many steps as for few. The price is quality in a single step.
 *
 * @param options.shortest shortest length, in (0, longest); 1/64 unless given
 * @param options.longest longest length, in (0, 1]; 1 unless given
 * @throws {ConfigError} for a length out of its range
 */
export function logUniformLengths(options: { shortest?: number; longest?: number } = {}): IntervalLengths {
  requireKnownOptions('logUniformLengths', options, { shortest: true, longest: true });
  const { shortest = 1 / 64, longest = 1 } = options;
  requireShare('logUniformLengths.shortest', shortest, { zero: false });
  requirePositive('logUniformLengths.longest', longest, 1);
  if (shortest >= longest) {
    throw new ConfigError('logUniformLengths.shortest', `wanted less than the longest, ${longest}, got ${shortest}`);
  }
  return {
    name: 'log-uniform',
    config: longest === 1 ? { shortest } : { shortest, longest },
    range: [shortest, longest],
    draw: (key) => longest * (shortest / longest) ** uniforms({ ...key, purpose: 'times.length' }, 1)[0]!,
  };
}

/** Lengths uniform in [0, 1): long intervals get most of the batch, lengths up to 1/8 get 1/8 of it. */
export function uniformLengths(): IntervalLengths {
  return { name: 'uniform', config: {}, draw: (key) => uniforms({ ...key, purpose: 'times.length' }, 1)[0]! };
}

/**
 * Intervals between two times that are drawn alike, `sigmoid(tau)`, `tau ~ N(mean, std^2)`, and sorted: the distribution
 * of MeanFlow (Geng et al. 2025, section 4.3).
 *
 * @param options.mean mean of tau; -0.4 unless given
 * @param options.std standard deviation of tau, > 0; 1 unless given
 * @throws {ConfigError} for a standard deviation that is not positive
 */
export function logitNormalEnds(options: { mean?: number; std?: number } = {}): IntervalLengths {
  requireKnownOptions('logitNormalEnds', options, { mean: true, std: true });
  const { mean = -0.4, std = 1 } = options;
  requirePositive('logitNormalEnds.std', std);
  const ends = (key: DrawKey): number[] =>
    [...normals({ ...key, purpose: 'times.ends' }, 2)].map((tau) => 1 / (1 + Math.exp(-(mean + std * tau))));
  return {
    name: 'logit-normal-ends',
    config: { mean, std },
    draw(key) {
      const [one, other] = ends(key);
      return Math.abs(one! - other!);
    },
    start: (key) => Math.min(...ends(key)),
  };
}

/**
 * Intervals of length 0, `s = t ~ U(0, 1)`, where distillation losses are flow matching on the teacher's velocity; for
 * use in mixtures.
 */
export function diagonalIntervals(): IntervalLengths {
  return { name: 'diagonal', config: {}, range: [0, 0], draw: () => 0 };
}

/**
 * Intervals that end at data, `s = 0` and `t = d`: the jumps of consistency models, and the last step of every sampler;
 * for use in mixtures.
 *
 * @param lengths distribution of d; `uniformLengths()` unless given
 */
export function intervalsToData(lengths: IntervalLengths = uniformLengths()): IntervalLengths {
  return { ...lengths, name: 'to-data', config: nestedSettings('lengths', lengths), start: () => 0 };
}

/**
 * Draws intervals `[s, t]`: the length d from its distribution, `s ~ U(0, 1 - d)` unless the distribution has its own
 * starts, `t = s + d`. On the diagonal the length is 0 and `s = t ~ U(0, 1)`. Each sample of a step has its own random
 * stream, and its index decides whether it is on the diagonal (every fourth for a share of 1/4), so nothing depends on
 * the batch size.
 *
 * @param diagonalShare share of the batch at s = t, in [0, 1)
 * @returns `t` and `s`, each `[count]`, `0 <= s <= t <= 1`
 * @throws {ConfigError} for a distribution that draws anything but intervals in [0, 1]
 */
export function sampleIntervals(
  { seed, step, iterations }: Progress & { readonly seed: number },
  count: number,
  lengths: IntervalLengths,
  diagonalShare = 0,
): Draws {
  const t = new Float32Array(count);
  const s = new Float32Array(count);
  const diagonal = diagonalIntervals();
  for (let sample = 0; sample < count; sample++) {
    const place = sample - takenBefore(diagonalShare, sample);
    const key = { seed, step, iterations, sample, place };
    const [end, start] = drawInterval(isTaken(diagonalShare, sample) ? diagonal : lengths, key);
    t[sample] = end;
    s[sample] = start;
  }
  return { t, s };
}

/**
 * Draws one interval of a distribution.
 *
 * @returns t and s
 * @throws {ConfigError} for an interval outside [0, 1]
 */
export function drawInterval(lengths: IntervalLengths, key: DrawKey): [t: number, s: number] {
  const d = lengths.draw(key);
  const s = startOf(lengths, key, d);
  // The sum may exceed 1 by a rounding error of doubles, which float32 rounds away.
  if (!(d >= 0 && s >= 0 && s + d <= 1 + 1e-9)) {
    const got = `got s = ${s} and t = ${s + d}`;
    throw new ConfigError('intervalLengths', `wanted 0 <= s <= t <= 1 of the distribution '${lengths.name}', ${got}`);
  }
  return [s + d, s];
}

/** Where an interval of a length starts, by its distribution. */
export function startOf(lengths: IntervalLengths, key: DrawKey, length: number): number {
  return lengths.start?.(key, length) ?? uniforms({ ...key, purpose: 'times.start' }, 1)[0]! * (1 - length);
}

/**
 * Checks a distribution by some of its draws, before a run uses it.
 *
 * @throws {ConfigError} for a distribution that draws anything but intervals in [0, 1]
 */
export function requireIntervals(lengths: IntervalLengths): void {
  const [shortest, longest] = lengths.range ?? [0, 1];
  if (!(shortest >= 0 && shortest <= longest && longest <= 1)) {
    const got = `got [${shortest}, ${longest}]`;
    throw new ConfigError(
      'intervalLengths.range',
      `wanted lengths in [0, 1] of the distribution '${lengths.name}', ${got}`,
    );
  }
  sampleIntervals({ seed: 0, step: 0, iterations: 1 }, 16, lengths);
}

/**
 * Checks that a distribution suits a loss: that the end it holds, if any, is not the one with respect to which
 * the loss has a derivative, in all orders that it trains.
 *
 * @param loss the loss, for the message
 * @param held the end that intervals may hold; neither if the loss trains shorter intervals at both
 *   ends
 * @throws {ConfigError} for a distribution that draws anything but intervals, holds the other end, or holds one end
 *   while both orders exchange the two
 */
export function requireServing(
  loss: string,
  lengths: IntervalLengths,
  held: HeldEnd | undefined,
  orders: IntervalOrders,
): void {
  requireMember(`${loss}.intervalLengths`, lengths, {
    member: 'draw',
    wanted: 'a distribution of intervals, such as `logUniformLengths()`',
  });
  requireIntervals(lengths);
  requireOneOf(`${loss}.orders`, orders, INTERVAL_ORDERS);
  if (lengths.held === undefined) return;
  const got = `got '${lengths.name}' with hold: '${lengths.held}'`;
  if (lengths.held !== held) {
    const wanted = held === undefined ? 'none that hold an end' : `intervals with hold: '${held}'`;
    throw new ConfigError(`${loss}.intervalLengths`, `wanted ${wanted}, ${got}`);
  }
  if (orders === 'both') {
    throw new ConfigError(
      `${loss}.orders`,
      `wanted 'down' where one end of intervals is held, since 'both' exchanges the ends, ${got}`,
    );
  }
}

/**
 * A distribution of lengths as settings of an objective: its name, and its own settings under names
 * such as `intervalLengths.shortest`.
 */
export function lengthSettings(lengths: IntervalLengths): Record<string, string | number> {
  return nestedSettings('intervalLengths', lengths);
}

/** A distribution's name under the name of a setting, and its own settings below it. */
export function nestedSettings(setting: string, { name, config }: IntervalLengths): Record<string, string | number> {
  const own = Object.entries(config).map(([key, value]) => [`${setting}.${key}`, value] as const);
  return { [setting]: name, ...Object.fromEntries(own) };
}

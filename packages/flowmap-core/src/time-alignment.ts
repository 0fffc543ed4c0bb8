import { hostTensor, requireKnownOptions, requireWhole, type HostTensor, type HostTensors } from '@flowmap/tensor';
import { ConfigError } from './errors.js';
import { TIME_FREQUENCIES } from './networks/conditioning.js';

/** Options of {@link alignTimeEmbedding}. */
export interface TimeAlignmentOptions {
  /** Parameters of a network of this package, with its time embedding `time.0.*` and `time.1.*`. */
  readonly params: HostTensors;
  /**
   * The old embedding of a time in [0, 1], with as many numbers as the new one: for a network of EDM, its embedding of
   * {@link edmNoiseTime}.
   */
  readonly old: (t: number) => ArrayLike<number>;
  /** Number of times at which the two are compared, a whole number >= 2; 2048 unless given. */
  readonly samples?: number;
  /** Range of these times, which are evenly spaced; `[0, 1]` unless given. */
  readonly range?: readonly [from: number, to: number];
}

/** A network with its time embedding aligned, and how far that is from the old one. */
export interface TimeAlignment {
  /** The network's parameters, with the output layer of the time embedding replaced. */
  readonly params: HostTensors;
  /** Root mean square of the difference, over times between the fitted ones and over the embedding's values. */
  readonly error: number;
  /** The error in units of the old embedding's standard deviation over times: 1 is no better than a constant. */
  readonly relativeError: number;
  /** The time at which the difference is largest, and its root mean square over the embedding's values there. */
  readonly worst: { readonly t: number; readonly error: number };
}

/** Keeps the normal equations solvable, relative to the mean square of the hidden units. */
const RIDGE = 1e-9;

/**
 * EDM's input for the noise at a time of the linear path, `c_noise = log(sigma) / 4` with `sigma = t / (1 - t)` (Karras et
 * al. 2022, table 1), which is unbounded at both ends and is therefore limited to the noise that its networks have seen.
 *
 * @param limits standard deviations; `[0.002, 80]` unless given
 */
export function edmNoiseTime(t: number, limits: readonly [smallest: number, largest: number] = [0.002, 80]): number {
  const sigma = Math.min(Math.max(t / (1 - t), limits[0]), limits[1]);
  return Math.log(sigma) / 4;
}

/**
 * Aligns the time embedding of a network with an old one, before distillation: the student's embedding is a function of
 * `c_noise(t) = t`, whose derivative is bounded, in place of `log sigma`, and should start out close to the teacher's
 * (Sabour, Fidler, Kreis, "Align Your Flow", 2025, section 3.4, which does not describe the procedure).
 *
 * The new embedding is `W_1 silu(W_0 features(t) + b_0) + b_1`. Its hidden layer is kept, and W_1 and b_1 are the
 * least-squares solution of `min ∫ ‖emb_new(t) - emb_old(t)‖² dt`. What cannot be matched, such as oscillations of an
 * embedding of `log sigma` near the ends, shows up in the reported error, which is measured at times between the fitted
 * ones.
 *
 * @throws {ConfigError} for an unknown option, parameters without such an embedding, an old one of another size or with
 *   values that are not finite, or times out of their range
 *
 * @example
 * const { params, relativeError } = alignTimeEmbedding({ params: model.params, old: (t) => oldEmbedding(edmNoiseTime(t)) });
 */
export function alignTimeEmbedding(options: TimeAlignmentOptions): TimeAlignment {
  requireKnownOptions('alignTimeEmbedding', options, { params: true, old: true, samples: true, range: true });
  const { params, old, samples = 2048, range = [0, 1] } = options;
  requireWhole('alignTimeEmbedding.samples', samples, 2);
  const [from, to] = range;
  if (!(from >= 0 && from < to && to <= 1)) {
    throw new ConfigError('alignTimeEmbedding.range', `wanted 0 <= from < to <= 1, got [${from}, ${to}]`);
  }
  const layer = embeddingOf(params);
  const timeAt = (i: number): number => from + ((to - from) * i) / (samples - 1);
  const oldAt = (t: number): ArrayLike<number> => requireValues(old(t), layer.width, t);
  const times = Array.from({ length: samples }, (_, i) => timeAt(i));
  const fitted = leastSquares(
    times.map((t) => hiddenUnits(layer, t)),
    times.map(oldAt),
  );
  const between = times.slice(1).map((_, i) => timeAt(i + 0.5));
  const weights = fitted.slice(0, -1).flatMap((row) => [...row]);
  const aligned = {
    ...params,
    'time.1.weight': hostTensor([layer.width, layer.width], Float32Array.from(weights)),
    'time.1.bias': hostTensor([layer.width], Float32Array.from(fitted.at(-1)!)),
  };
  return { params: aligned, ...differences(fitted, layer, between, oldAt) };
}

/** The hidden layer of a network's time embedding. */
interface HiddenLayer {
  readonly width: number;
  readonly weight: HostTensor['data'];
  readonly bias: HostTensor['data'];
}

function embeddingOf(params: HostTensors): HiddenLayer {
  const [weight, bias, output] = ['time.0.weight', 'time.0.bias', 'time.1.weight'].map((name) => params[name]);
  const width = bias?.shape[0] ?? 0;
  const inputs = 2 * TIME_FREQUENCIES.length;
  if (!weight || !bias || weight.shape[0] !== inputs || output?.shape[1] !== width) {
    const wanted = `time.0.weight [${inputs}, n], time.0.bias [n] and time.1.weight [n, n]`;
    throw new ConfigError('alignTimeEmbedding.params', `wanted the parameters of a time embedding, ${wanted}`);
  }
  return { width, weight: weight.data, bias: bias.data };
}

function requireValues(values: ArrayLike<number>, width: number, t: number): ArrayLike<number> {
  if (values.length !== width) {
    throw new ConfigError(
      'alignTimeEmbedding.old',
      `wanted ${width} numbers, as many as the new embedding, got ${values.length}`,
    );
  }
  if (!Array.from(values).every(Number.isFinite)) {
    throw new ConfigError('alignTimeEmbedding.old', `wanted finite numbers, got others at t = ${t}`);
  }
  return values;
}

/** `silu(W_0 features(t) + b_0)`, and 1 for the bias of the next layer. */
function hiddenUnits({ width, weight, bias }: HiddenLayer, t: number): Float64Array {
  const features = [...TIME_FREQUENCIES.map((w) => Math.cos(w * t)), ...TIME_FREQUENCIES.map((w) => Math.sin(w * t))];
  const units = new Float64Array(width + 1).fill(1);
  for (let j = 0; j < width; j++) {
    const sum = features.reduce((total, feature, k) => total + feature * weight[k * width + j]!, bias[j]!);
    units[j] = sum / (1 + Math.exp(-sum));
  }
  return units;
}

/**
 * Coefficients that minimise the sum of squares of `rows coefficients - targets`, by the normal equations and a
 * Cholesky decomposition.
 *
 * @returns one row of coefficients for each column of `rows`
 */
function leastSquares(rows: readonly Float64Array[], targets: readonly ArrayLike<number>[]): Float64Array[] {
  const [n, m] = [rows[0]!.length, targets[0]!.length];
  const A = Array.from({ length: n }, () => new Float64Array(n));
  const B = Array.from({ length: n }, () => new Float64Array(m));
  rows.forEach((row, i) => {
    for (let j = 0; j < n; j++) {
      for (let k = 0; k <= j; k++) A[j]![k]! += row[j]! * row[k]!;
      for (let k = 0; k < m; k++) B[j]![k]! += row[j]! * targets[i]![k]!;
    }
  });
  const ridge = (RIDGE * A.reduce((sum, row, j) => sum + row[j]!, 0)) / n;
  for (let j = 0; j < n; j++) {
    A[j]![j]! += ridge;
    for (let k = 0; k <= j; k++) {
      let sum = A[j]![k]!;
      for (let l = 0; l < k; l++) sum -= A[j]![l]! * A[k]![l]!;
      A[j]![k] = j === k ? Math.sqrt(sum) : sum / A[k]![k]!;
    }
  }
  for (let k = 0; k < m; k++) {
    for (let j = 0; j < n; j++) {
      for (let l = 0; l < j; l++) B[j]![k]! -= A[j]![l]! * B[l]![k]!;
      B[j]![k]! /= A[j]![j]!;
    }
    for (let j = n - 1; j >= 0; j--) {
      for (let l = j + 1; l < n; l++) B[j]![k]! -= A[l]![j]! * B[l]![k]!;
      B[j]![k]! /= A[j]![j]!;
    }
  }
  return B;
}

function differences(
  fitted: readonly Float64Array[],
  layer: HiddenLayer,
  times: readonly number[],
  oldAt: (t: number) => ArrayLike<number>,
): Pick<TimeAlignment, 'error' | 'relativeError' | 'worst'> {
  const values = times.map((t) => Array.from(oldAt(t)));
  const errors = times.map((t, i) => {
    const units = hiddenUnits(layer, t);
    return meanOf(
      values[i]!.map((value, k) => (units.reduce((sum, u, j) => sum + u * fitted[j]![k]!, 0) - value) ** 2),
    );
  });
  const means = values[0]!.map((_, k) => meanOf(values.map((row) => row[k]!)));
  const variance = meanOf(values.map((row) => meanOf(row.map((value, k) => (value - means[k]!) ** 2))));
  const error = Math.sqrt(meanOf(errors));
  const worst = errors.reduce((best, value, i) => (value > errors[best]! ? i : best), 0);
  return {
    error,
    relativeError: variance === 0 ? error : error / Math.sqrt(variance),
    worst: { t: times[worst]!, error: Math.sqrt(errors[worst]!) },
  };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

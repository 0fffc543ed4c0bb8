import {
  hostTensor,
  inWords,
  requireKnownOptions,
  requireRuntime,
  requireWhole,
  type HostTensor,
} from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import { checkedModel, type Model } from '../models/model.js';
import { batchSizeOf, requireSamples, rowsFor, type ToolOptions } from './options.js';
import { compileRoundTrip, type Walks } from './round-trip.js';

/** Options of {@link interpolateSamples}. */
export interface InterpolateOptions extends ToolOptions, Walks {
  /** Where each series begins, float32 `[count, ...shape]`. */
  readonly from: HostTensor;
  /** Where it ends, as many. */
  readonly to: HostTensor;
  /** Samples in a series, both ends included, at least 2. */
  readonly frames: number;
  /** Classes of the ends; those of the beginnings, `labels`, unless given. The second half of a series is made under them. */
  readonly toLabels?: readonly (string | number)[];
}

/** Series between pairs of samples. */
export interface Interpolation {
  /** `[count, frames, ...shape]`; the first and the last of a series are its ends up to the round-trip error. */
  readonly frames: HostTensor;
  /** Round-trip error of each beginning and each end, as {@link invert} reports it. */
  readonly error: { readonly from: Float64Array; readonly to: Float64Array };
}

/**
 * Samples between two samples: both are turned into noise, and the noises between them, on the arc from one to the
 * other, into samples. Of noise in many dimensions nearly all has the same length, which straight lines leave and arcs
 * keep.
 *
 * @throws {ConfigError} for an unknown option, fewer than 2 frames, or a sampler, labels and other conditions that
 *   {@link invert} refuses
 * @throws {ShapeError} for samples that are not float32 `[count, ...shape]`, equally many at both ends
 *
 * @example
 * const { frames } = await interpolateSamples(animals, { runtime, from, to, frames: 7, labels: ['cat'], toLabels: ['dog'] });
 */
export async function interpolateSamples(given: Model, options: InterpolateOptions): Promise<Interpolation> {
  requireKnownOptions('interpolateSamples', options, {
    runtime: true,
    from: true,
    to: true,
    frames: true,
    toLabels: true,
    back: true,
    sampler: true,
    steps: true,
    labels: true,
    guidance: true,
    batchSize: true,
  });
  const { runtime, from, to, frames, labels, toLabels } = options;
  requireRuntime('runtime', runtime);
  requireWhole('interpolateSamples.frames', frames, 2);
  const model = checkedModel('model', given);
  requireSamples('interpolateSamples, from', from, model);
  requireSamples('interpolateSamples, to', to, model);
  const count = from.shape[0]!;
  if (to.shape[0] !== count) {
    throw new ConfigError('interpolateSamples.to', `wanted ${count} samples, as in \`from\`; got ${to.shape[0]!}`);
  }
  if (toLabels !== undefined && labels === undefined) {
    throw new ConfigError('interpolateSamples.toLabels', 'has no effect without `labels`');
  }
  const conditions = rowsFor(model, options, count);
  const atEnd = toLabels === undefined ? conditions : rowsFor(model, { ...options, labels: toLabels }, count);
  const batchSize = batchSizeOf(options, count);
  const trip = await compileRoundTrip('interpolateSamples', runtime, model, { walks: options, batchSize });
  try {
    const begin = await trip.invert(from, conditions);
    const end = await trip.invert(to, atEnd);
    const series: HostTensor[] = [];
    for (let frame = 0; frame < frames; frame++) {
      const noise = between(begin.noise, end.noise, frame / (frames - 1));
      series.push(await trip.restore(noise, 2 * frame < frames ? conditions : atEnd));
    }
    return { frames: bySample(series), error: { from: begin.error, to: end.error } };
  } finally {
    await trip.dispose();
  }
}

/** {@link slerp} of each sample. */
function between(a: HostTensor, b: HostTensor, weight: number): HostTensor {
  const size = a.data.length / a.shape[0]!;
  const data = a.data.slice();
  for (let first = 0; first < data.length; first += size) {
    data.set(slerp(a.data.subarray(first, first + size), b.data.subarray(first, first + size), weight), first);
  }
  return hostTensor(a.shape, data);
}

/** Tensors `[count, ...shape]` for each frame as one, `[count, frames, ...shape]`. */
function bySample(series: readonly HostTensor[]): HostTensor {
  const { shape: [count = 0, ...shape], data } = series[0]!; // prettier-ignore
  const size = data.length / count;
  const all = new (data.constructor as Float64ArrayConstructor)(data.length * series.length);
  for (const [frame, samples] of series.entries()) {
    for (let i = 0; i < count; i++) {
      all.set(samples.data.subarray(i * size, (i + 1) * size), (i * series.length + frame) * size);
    }
  }
  return hostTensor([count, series.length, ...shape], all);
}

/** Vectors whose angle is smaller count as parallel. */
const PARALLEL = 1e-6;

/**
 * The point on the arc between two vectors, `(sin((1 - w) θ) a + sin(w θ) b) / sin θ` with their angle θ (Shoemake,
 * "Animating rotation with quaternion curves", 1985), for interpolating noise. Between independent standard normal
 * vectors, which are nearly at right angles, it is nearly standard normal.
 *
 * @param a vector
 * @param b vector of the same length
 * @param weight w, from 0 = a to 1 = b
 * @throws {ConfigError} for a weight outside [0, 1], vectors of different lengths, or opposite ones, between which there is no one
 *   arc
 *
 * @example
 * slerp([1, 0], [0, 1], 0.5); // √½, √½
 */
export function slerp(a: ArrayLike<number>, b: ArrayLike<number>, weight: number): Float64Array {
  if (!(weight >= 0 && weight <= 1))
    throw new ConfigError('slerp.weight', `wanted a number in [0, 1], got ${inWords(weight)}`);
  if (a.length !== b.length)
    throw new ConfigError('slerp', `wanted equally long vectors, got ${a.length} and ${b.length}`);
  const dot = (x: ArrayLike<number>, y: ArrayLike<number>): number =>
    Array.from(x).reduce((sum, value, i) => sum + value * y[i]!, 0);
  const lengths = Math.sqrt(dot(a, a) * dot(b, b));
  const angle = lengths === 0 ? 0 : Math.acos(Math.min(1, Math.max(-1, dot(a, b) / lengths)));
  if (Math.PI - angle < PARALLEL) throw new ConfigError('slerp', 'there is no one arc between opposite vectors');
  const [p, q] =
    angle < PARALLEL
      ? [1 - weight, weight]
      : [Math.sin((1 - weight) * angle) / Math.sin(angle), Math.sin(weight * angle) / Math.sin(angle)];
  return Float64Array.from(a, (value, i) => p * value + q * b[i]!);
}

import {
  hostTensor,
  inWords,
  normalBatch,
  quoted,
  requireKnownOptions,
  requireWhole,
  type HostData,
  type HostTensor,
  type OptionNames,
} from '@flowmap/tensor';
import { classCount } from '../conditions.js';
import { ConfigError } from '../errors.js';
import { isList } from '../internal/json.js';
import type { Network } from '../plugins.js';
import { uniformGrid } from './grid.js';

/** What to sample, with noise that is given. */
export interface SampleArguments {
  /** Points at the first time, float32 `[count, ...shape]` with any count: standard normal noise if that time is 1. */
  readonly noise: HostTensor;
  /** Rows of the network's conditions by name, one for each sample: `{ label: Int32Array.of(2, 0) }`. */
  readonly conditions?: Readonly<Record<string, HostData>>;
  /** The grid, at least two times in [0, 1]; descending from noise to data, or ascending to invert. */
  readonly times: ArrayLike<number>;
  /**
   * Seed of the noise that the sampler draws in its steps, a whole number in [0, 2^53); required for samplers that draw
   * noise, ignored by others. The same seed gives the same points, whatever the batch size and the steps per call.
   */
  readonly seed?: number;
  /**
   * Index of the first sample among all that use the seed, 0 unless given: samples with different indices get different
   * noise. Ignored by samplers that draw none.
   */
  readonly firstSample?: number;
}

/** What to sample, with noise and times from numbers. */
export interface SampleRequest {
  /** Number of samples, at least 1; that of `labels` unless given. */
  readonly count?: number;
  /** Seed of all noise, a whole number in [0, 2^53). */
  readonly seed: number;
  /** Number of equal steps from noise at time 1 to data at time 0, at least 1; in place of `times`. */
  readonly steps?: number;
  /** The grid, from noise at time 1 to data at time 0: {@link shiftedGrid}, {@link searchGrid}; in place of `steps`. */
  readonly times?: ArrayLike<number>;
  /** Classes, each by its name or its index; repeated in turn if there are more samples. Required by networks with classes. */
  readonly labels?: readonly (string | number)[];
  /** Value of the condition `guidance` for all samples, for networks that take it. */
  readonly guidance?: number;
  /** Index of the first sample among all that use the seed, 0 unless given: other indices get other noise. */
  readonly firstSample?: number;
}

/** Names of all that can be requested. */
export const SAMPLE_REQUEST: OptionNames<SampleRequest> = {
  count: true,
  seed: true,
  steps: true,
  times: true,
  labels: true,
  guidance: true,
  firstSample: true,
};

const SAMPLE_ARGUMENTS: OptionNames<SampleArguments> = {
  noise: true,
  conditions: true,
  times: true,
  seed: true,
  firstSample: true,
};

/**
 * Arguments of sampling with all numbers explicit.
 *
 * @param network that of the model
 * @param classes names of its classes
 * @throws {ConfigError} for an unknown name, a part of a request beside noise, and what {@link argumentsOf} refuses
 */
export function explicitArguments(
  args: SampleArguments | SampleRequest,
  network: Pick<Network, 'config' | 'conditions'>,
  classes: readonly string[],
): SampleArguments {
  if (typeof args !== 'object' || !('noise' in args)) {
    requireKnownOptions('sample', args, SAMPLE_REQUEST);
    return argumentsOf(args, network, classes);
  }
  const idle = Object.keys(SAMPLE_REQUEST).find((name) => !(name in SAMPLE_ARGUMENTS) && name in args);
  if (idle !== undefined) {
    const instead = idle === 'steps' ? '`times`' : idle === 'count' ? 'the shape of `noise`' : '`conditions`';
    throw new ConfigError(`sample.${idle}`, `has no effect beside explicit noise; it is in ${instead}`);
  }
  requireKnownOptions('sample', args, SAMPLE_ARGUMENTS);
  return args;
}

/**
 * Noise, times and conditions of a request.
 *
 * @param classes names of the classes; if empty, labels are indices
 * @throws {ConfigError} for a number out of its range, or a class that the network does not have
 */
function argumentsOf(
  request: SampleRequest,
  { config, conditions }: Pick<Network, 'config' | 'conditions'>,
  classes: readonly string[],
): SampleArguments {
  const { seed, steps, times, labels, guidance, firstSample = 0 } = request;
  const count = request.count ?? labels?.length;
  requireWhole('count', count);
  requireWhole('seed', seed, 0);
  requireWhole('firstSample', firstSample, 0);
  if (times !== undefined && steps !== undefined) throw new ConfigError('steps', 'has no effect beside `times`');
  if (times !== undefined && times[0] !== 1) {
    throw new ConfigError('times', `wanted a grid that begins with 1, where points are noise; got ${times[0]}`);
  }
  const shape = [count!, ...config.shape];
  const rows = conditionRows({ conditions }, classes, { labels, guidance }, count!);
  return {
    noise: hostTensor(shape, normalBatch({ seed, purpose: 'noise' }, shape, firstSample)),
    times: times ?? uniformGrid(steps!),
    conditions: rows,
    seed,
    firstSample,
  };
}

/**
 * Rows of conditions for samples.
 *
 * @param classes names of the classes; if empty, labels are indices
 * @param count number of samples; labels are repeated in turn
 * @throws {ConfigError} for what is no class, or no number
 */
export function conditionRows(
  { conditions }: Pick<Network, 'conditions'>,
  classes: readonly string[],
  { labels, guidance }: { readonly [Name in 'labels' | 'guidance']: SampleRequest[Name] | undefined },
  count: number,
): Record<string, HostData> {
  const rows: Record<string, HostData> = {};
  if (labels !== undefined) {
    if (!isList(labels)) throw new ConfigError('labels', `wanted a list of classes, got ${inWords(labels)}`);
    if (labels.length === 0) throw new ConfigError('labels', 'wanted at least one class, got none');
    const known = labels.map((label) => labelOf(label, classes, classCount({ conditions })));
    rows['label'] = Int32Array.from({ length: count }, (_, i) => known[i % known.length]!);
  }
  if (guidance !== undefined && typeof guidance !== 'number') {
    throw new ConfigError('guidance', `wanted a number, got ${inWords(guidance)}`);
  }
  if (guidance !== undefined) rows['guidance'] = new Float32Array(count).fill(guidance);
  return rows;
}

function labelOf(label: string | number, classes: readonly string[], count: number): number {
  const index = typeof label === 'number' ? label : classes.indexOf(label);
  if (Number.isInteger(index) && index >= 0 && index < count) return index;
  if (count === 0) throw new ConfigError('labels', 'wanted none, since the network has no classes');
  const names = classes.length === 0 ? '' : ` or one of the names ${classes.join(', ')}`;
  throw new ConfigError('labels', `wanted an index from 0 to ${count - 1}${names}; got ${quoted(label)}`);
}

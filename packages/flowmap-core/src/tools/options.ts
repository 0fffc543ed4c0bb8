import { requireWhole, sameShape, ShapeError, type HostData, type HostTensor, type Runtime } from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import type { Model } from '../models/model.js';
import { samplerOf } from '../samplers/compile-sampler.js';
import { uniformGrid } from '../samplers/grid.js';
import { conditionRows } from '../samplers/sample-request.js';
import type { Sampler } from '../samplers/sampler.js';

/** Options that all tools have. */
export interface ToolOptions {
  readonly runtime: Runtime;
  /** Classes, each by its name or its index; repeated in turn if there are more samples. Required by networks with classes. */
  readonly labels?: readonly (string | number)[];
  /** Value of the condition `guidance` for all samples, for networks that take it. */
  readonly guidance?: number;
  /** Samples per run of a program; all of them, at most 64, unless given. */
  readonly batchSize?: number;
}

/** How points move between noise and data. */
export interface Walk {
  /** A sampler that draws no noise; `flowMapSampler()` for a flow map and `heun()` for a velocity field unless given. */
  readonly sampler?: Sampler;
  /** Equal steps; 4 for samplers that follow a flow map and 32 for others unless given. */
  readonly steps?: number;
}

/** A walk with all of its options, from noise to data. */
export interface WalkOf {
  readonly sampler: Sampler;
  /** Descending. */
  readonly times: Float32Array;
}

/**
 * The walk of a model.
 *
 * @throws {ConfigError} for a sampler that draws noise or wants a flow map where there is none, or steps that are not a
 *   whole number >= 1
 */
export function walkOf(tool: string, model: Model, { sampler = samplerOf(model), steps }: Walk): WalkOf {
  if (sampler.draws) {
    throw new ConfigError(`${tool}.sampler`, `wanted one that draws no noise, such as heun(); got '${sampler.name}'`);
  }
  requireFits(tool, sampler, model);
  return { sampler, times: uniformGrid(steps ?? (sampler.needs.interval ? 4 : 32)) };
}

/**
 * Checks that a sampler can step with a model.
 *
 * @throws {ConfigError} for one that wants a flow map, with a velocity field
 */
export function requireFits(tool: string, sampler: Sampler, { network }: Model): void {
  if (!sampler.needs.interval || network.config.interval) return;
  throw new ConfigError(`${tool}.sampler`, `'${sampler.name}' wants a flow map; use euler() or heun()`);
}

/** The samples in a run, when the user does not say. */
export function batchSizeOf({ batchSize }: Pick<ToolOptions, 'batchSize'>, count: number): number {
  if (batchSize !== undefined) requireWhole('batchSize', batchSize);
  return batchSize ?? Math.min(64, count);
}

/** The rows of conditions that the options mean. */
export function rowsFor(
  { network, classes }: Model,
  { labels, guidance }: Pick<ToolOptions, 'labels' | 'guidance'>,
  count: number,
): Readonly<Record<string, HostData>> {
  return conditionRows(network, classes, { labels, guidance }, count);
}

/**
 * Checks samples that a tool is given.
 *
 * @throws {ShapeError} for what is not float32 `[count, ...shape]`, at least one
 */
export function requireSamples(what: string, samples: HostTensor, { network }: Model): void {
  const { shape } = network.config;
  const isBatch = samples.shape[0]! > 0 && sameShape(samples.shape.slice(1), shape);
  if (!isBatch || samples.dtype !== 'float32')
    throw new ShapeError(what, `[count, ${shape.join(', ')}]`, [samples.shape]);
}

/** Root mean square difference of each sample's values. */
export function distances(a: HostTensor, b: HostTensor): Float64Array {
  const size = a.data.length / a.shape[0]!;
  const squares = new Float64Array(a.shape[0]!);
  for (let i = 0; i < a.data.length; i++) squares[Math.floor(i / size)]! += (a.data[i]! - b.data[i]!) ** 2;
  return squares.map((sum) => Math.sqrt(sum / size));
}

import { ConfigError, requireKnownOptions, uniforms, type Dataset, type Loader } from '@flowmap/core';

/** Options of {@link withGuidance}. */
export interface WithGuidanceOptions {
  /** Range of λ, from which it is drawn uniformly, `1 <= from <= to`; 1 and 3 in the paper. */
  readonly from: number;
  readonly to: number;
  readonly seed: number;
  /** Name of the condition; `guidance` unless given. */
  readonly condition?: string;
}

/**
 * The same samples with a guidance scale for each, drawn uniformly, as an additional condition. For a loader it depends
 * on sample and step; for a dataset on the sample's index, so a sample of a finite dataset has the same scale in every
 * epoch.
 *
 * @throws {ConfigError} for an invalid range, or a condition that the samples already have
 */
export function withGuidance<T extends Dataset | Loader>(source: T, options: WithGuidanceOptions): T;
export function withGuidance(source: Dataset | Loader, options: WithGuidanceOptions): Dataset | Loader {
  requireKnownOptions('withGuidance', options, { from: true, to: true, seed: true, condition: true });
  const { from, to, seed, condition = 'guidance' } = options;
  if (!(from >= 1 && from <= to && to < Infinity)) {
    throw new ConfigError('withGuidance', `wanted 1 <= from <= to, got from ${from} to ${to}`);
  }
  const data = 'dataset' in source ? source.dataset : source;
  if (Object.hasOwn(data.conditions, condition)) {
    throw new ConfigError('withGuidance.condition', `'${data.name}' has a condition '${condition}' already`);
  }
  const scaled = (drawn: ArrayLike<number>): Float32Array => Float32Array.from(drawn, (u) => from + (to - from) * u);
  const told = (rows: ArrayLike<number>) => ({ [condition]: scaled(rows) });
  const dataset: Dataset = {
    ...data,
    conditions: { ...data.conditions, [condition]: { shape: [], dtype: 'float32' } },
    async batch(indices) {
      const { x, conditions } = await data.batch(indices);
      const purpose = `sample's ${condition}`;
      const drawn = Array.from(indices, (sample) => uniforms({ seed, purpose, sample }, 1)[0]!);
      return { x, conditions: { ...conditions, ...told(drawn) } };
    },
  };
  if (!('dataset' in source)) return dataset;
  return {
    dataset,
    batchSize: source.batchSize,
    async batch(step: number) {
      const { x, conditions } = await source.batch(step);
      const drawn = uniforms({ seed, purpose: condition, step }, source.batchSize);
      return { x, conditions: { ...conditions, ...told(drawn) } };
    },
  };
}

import { classConditions, ConfigError, requireKnownOptions, uniforms, type Dataset, type Loader } from '@flowmap/core';

/** Options of {@link withLabelDropout}. */
export interface LabelDropoutOptions {
  /**
   * Share of labels that become the null class, in [0, 1]; 0 for data that only needs to have the class, such as a
   * student's.
   */
  readonly share: number;
  readonly seed: number;
  /** Name of the null class, which becomes the last one; `none` unless given. */
  readonly nullClass?: string;
}

/**
 * The same samples with an additional class that stands for no class, which replaces some labels: to train a
 * teacher for classifier-free guidance. For a loader, sample and step determine which; for a dataset, the sample's
 * index, so a sample of a finite dataset lacks its label in every epoch or in none.
 *
 * @throws {ConfigError} for a share outside [0, 1], data without classes, or a class that has the null class's name
 */
export function withLabelDropout<T extends Dataset | Loader>(source: T, options: LabelDropoutOptions): T;
export function withLabelDropout(source: Dataset | Loader, options: LabelDropoutOptions): Dataset | Loader {
  requireKnownOptions('withLabelDropout', options, { share: true, seed: true, nullClass: true });
  const { share, seed, nullClass = 'none' } = options;
  const data = 'dataset' in source ? source.dataset : source;
  const { length: label } = data.classes;
  if (!(share >= 0 && share <= 1)) throw new ConfigError('withLabelDropout.share', `wanted 0 to 1, got ${share}`);
  if (label === 0) throw new ConfigError('withLabelDropout', `'${data.name}' has no classes to drop`);
  if (data.classes.includes(nullClass)) {
    throw new ConfigError('withLabelDropout.nullClass', `'${data.name}' has a class '${nullClass}' already`);
  }
  const dropped = ({ conditions, ...rest }: Awaited<ReturnType<Dataset['batch']>>, drawn: ArrayLike<number>) => {
    const labels = Int32Array.from(conditions['label']!, (known, i) => (drawn[i]! < share ? label : known));
    return { ...rest, conditions: { ...conditions, label: labels } };
  };
  const dataset: Dataset = {
    ...data,
    classes: [...data.classes, nullClass],
    conditions: { ...data.conditions, ...classConditions(label + 1) },
    async batch(indices) {
      const purpose = "sample's label dropout";
      const drawn = Array.from(indices, (sample) => uniforms({ seed, purpose, sample }, 1)[0]!);
      return dropped(await data.batch(indices), drawn);
    },
  };
  if (!('dataset' in source)) return dataset;
  return {
    dataset,
    batchSize: source.batchSize,
    async batch(step: number) {
      const drawn = uniforms({ seed, purpose: 'label dropout', step }, source.batchSize);
      return dropped(await source.batch(step), drawn);
    },
  };
}

import { ConfigError } from '@flowmap/core';
import type { LabelledDataset } from './image-dataset.js';
import { checkIndices } from './internal/checks.js';

/**
 * A dataset in which every class is equally frequent: each sample of the largest class occurs once, and those of the
 * other classes in turn, as often as needed.
 *
 * The length is the number of classes times the size of the largest, and classes alternate in the order of indices.
 *
 * @param dataset with a class for each sample, such as `imageFolder` and `imageDataset` give
 * @throws {ConfigError} when it has no classes, or a class has no samples
 */
export function balanced(dataset: LabelledDataset): LabelledDataset {
  const { classes } = dataset;
  if (classes.length === 0) {
    throw new ConfigError('balanced.dataset', `'${dataset.name}' has no classes, so that there is nothing to balance`);
  }
  const members = classes.map((): number[] => []);
  dataset.labels.forEach((label, index) => members[label]!.push(index));
  const empty = members.findIndex(({ length }) => length === 0);
  if (empty >= 0)
    throw new ConfigError('balanced.dataset', `'${dataset.name}' has no sample of class '${classes[empty]!}'`);
  const largest = members.reduce((most, { length }) => Math.max(most, length), 0);
  const indices = Uint32Array.from({ length: classes.length * largest }, (_, i) => {
    const own = members[i % classes.length]!;
    return own[Math.floor(i / classes.length) % own.length]!;
  });
  const name = `${dataset.name} (balanced)`;
  return {
    name,
    length: indices.length,
    shape: dataset.shape,
    classes,
    conditions: dataset.conditions,
    labels: Int32Array.from(indices, (index) => dataset.labels[index]!),
    ...(dataset.fingerprint && { fingerprint: async () => `${await dataset.fingerprint!()}, balanced` }),
    async batch(wanted) {
      checkIndices(`${name}.batch`, wanted, indices.length);
      return dataset.batch(Array.from(wanted, (i) => indices[i]!));
    },
  };
}

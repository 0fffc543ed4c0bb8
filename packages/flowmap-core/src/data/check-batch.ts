import { sizeOf } from '@flowmap/tensor';
import { DataError, SampleError } from '../errors.js';
import type { Batch, Dataset } from '../plugins.js';

/**
 * Checks what a dataset gave: as many values and labels as samples were asked for, every label one of its classes, every value
 * finite.
 *
 * @param dataset whose name, shape and classes are what it promises
 * @param indices the samples that were asked for
 * @throws {DataError} when there are more or fewer values or labels
 * @throws {SampleError} naming the first sample with a wrong label, or else the first with a NaN or an infinity
 */
export function checkBatch(dataset: Dataset, indices: ArrayLike<number>, { x, labels }: Batch): void {
  const { name, shape } = dataset;
  const size = sizeOf(shape);
  const count = indices.length;
  if (x.length !== count * size || labels.length !== count) {
    const wanted = `${count * size} values and ${count} labels for ${count} samples of [${shape.join(', ')}]`;
    throw new DataError(name, `wanted ${wanted}, its batch has ${x.length} values and ${labels.length} labels`);
  }
  checkLabels(dataset, indices, labels);
  for (let i = 0; i < x.length; i++) {
    const value = x[i]!;
    if (Number.isFinite(value)) continue;
    const place = placeOf(i % size, shape);
    throw new SampleError(
      name,
      indices[Math.floor(i / size)]!,
      value,
      `has the value ${value} at ${place} (all counted from 0). The data is at fault, not the learning rate: mend this ` +
        `sample or leave it out`,
    );
  }
}

/**
 * Checks the labels of a batch: whole numbers from 0 to the number of classes - 1, or 0 when there are no classes.
 *
 * @param indices the samples that were asked for
 * @throws {SampleError} naming the first sample whose label is none of these
 */
export function checkLabels(
  { name, classes }: Pick<Dataset, 'name' | 'classes'>,
  indices: ArrayLike<number>,
  labels: ArrayLike<number>,
): void {
  const greatest = Math.max(classes.length - 1, 0);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (Number.isInteger(label) && label >= 0 && label <= greatest) continue;
    const wanted =
      classes.length > 0
        ? `has ${classes.length} classes: wanted a label from 0 to ${greatest}`
        : 'has no classes: wanted the label 0';
    throw new SampleError(
      name,
      indices[i]!,
      label,
      `(counted from 0) has the label ${label}, but the dataset ${wanted}. Correct the label, or name all classes`,
    );
  }
}

/** Where a value of a sample stands, in words. */
function placeOf(offset: number, shape: readonly number[]): string {
  let rest = offset;
  const position = shape.toReversed().map((extent) => {
    const at = rest % extent;
    rest = Math.floor(rest / extent);
    return at;
  });
  const [column, row, channel] = position;
  if (shape.length === 3) return `channel ${channel}, row ${row}, column ${column}`;
  return shape.length === 1 ? `coordinate ${offset}` : `[${position.reverse().join(', ')}]`;
}

import { sizeOf } from '@flowmap/tensor';
import { conditionFault } from '../conditions.js';
import { DataError, SampleError } from '../errors.js';
import type { Batch, Dataset } from '../plugins.js';

/**
 * Checks what a dataset returned: the values and the rows of each condition match the number of samples asked for,
 * every category exists, and every other value is finite.
 *
 * @param dataset what the batch is checked against: its name, shape and conditions
 * @param indices the samples that were asked for
 * @throws {DataError} when there are more or fewer values or rows, or a condition is missing or not among the dataset's
 * @throws {SampleError} naming the first sample with a wrong condition, or else the first with a NaN or an infinity
 */
export function checkBatch(dataset: Dataset, indices: ArrayLike<number>, { x, conditions }: Batch): void {
  const { name, shape } = dataset;
  const size = sizeOf(shape);
  const count = indices.length;
  if (x.length !== count * size) {
    const wanted = `${count * size} values for ${count} samples of [${shape.join(', ')}]`;
    throw new DataError(name, `wanted ${wanted}, its batch has ${x.length} values`);
  }
  checkConditions(dataset, indices, conditions);
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
 * Checks the conditions of a batch: exactly those that the dataset has, one row per sample, with valid values.
 *
 * @param indices the samples that were asked for
 * @throws {DataError} when a condition is missing, is not among the dataset's, or has more or fewer rows
 * @throws {SampleError} naming the first sample with a value that the condition does not allow
 */
export function checkConditions(
  dataset: Pick<Dataset, 'name' | 'conditions'>,
  indices: ArrayLike<number>,
  conditions: Batch['conditions'],
): void {
  const { name } = dataset;
  const unknown = Object.keys(conditions).find((key) => !Object.hasOwn(dataset.conditions, key));
  if (unknown !== undefined) throw new DataError(name, `its batch has a '${unknown}', which it does not declare`);
  const fault = conditionFault(dataset.conditions, conditions, indices.length);
  if (!fault) return;
  if (!fault.at) throw new DataError(name, `the ${fault.name} of its batch: ${fault.message}`);
  const { row, value } = fault.at;
  const { categories } = dataset.conditions[fault.name]!;
  const advice =
    categories === undefined
      ? 'Mend this sample or leave it out'
      : `Correct the ${fault.name}, or declare more categories`;
  const count = categories === undefined ? '' : `, but the dataset has ${categories} of them`;
  throw new SampleError(
    name,
    indices[row]!,
    value,
    `(counted from 0) has the ${fault.name} ${value}${count}: ${fault.message}. ${advice}`,
  );
}

/** The position of a value in a sample, in words. */
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

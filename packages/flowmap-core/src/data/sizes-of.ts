import { requireMember, type Shape } from '@flowmap/tensor';
import type { Dataset } from '../plugins.js';

/** The options of a network that follow from its data. */
export interface DataSizes {
  /** Shape of one sample. */
  readonly shape: Shape;
  /** Number of classes; 0 for data without classes. */
  readonly classes: number;
  /** Shapes of the conditions besides the label; absent if there are none. */
  readonly conditions?: Readonly<Record<string, Shape>>;
}

/**
 * The sizes that a network for a dataset must have, as options of `mlp`, `unet` and `dit`: the shape of its samples, the
 * number of its classes and its other conditions.
 *
 * @throws {ConfigError} for anything but a dataset
 *
 * @example
 * const network = unet({ ...sizesOf(data), channels: [64, 128, 128] });
 */
export function sizesOf(data: Pick<Dataset, 'shape' | 'classes' | 'conditions'>): DataSizes {
  requireMember('sizesOf.data', data, { member: 'conditions', wanted: 'a dataset, such as `checkerboard()`' });
  const others = Object.entries(data.conditions).filter(([name]) => name !== 'label');
  const conditions = Object.fromEntries(others.map(([name, { shape }]) => [name, shape]));
  return { shape: data.shape, classes: data.classes.length, ...(others.length === 0 ? {} : { conditions }) };
}

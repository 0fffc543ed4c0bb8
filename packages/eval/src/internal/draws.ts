import { uniforms } from '@flowmap/tensor';

/**
 * Draws indices without replacement by a Fisher-Yates shuffle: the same for the same seed, purpose and step.
 *
 * @returns `size` of the numbers from 0 to `count - 1`
 */
export function chooseIndices(
  key: { readonly seed: number; readonly purpose: string; readonly step?: number },
  count: number,
  size: number,
): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  const draws = uniforms(key, size);
  for (let i = 0; i < size; i++) {
    const j = i + Math.floor(draws[i]! * (count - i));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order.slice(0, size);
}

/** The rows of a matrix at the given indices, as doubles. */
export function rowsAt(values: Float32Array | Float64Array, width: number, indices: Int32Array): Float64Array {
  const rows = new Float64Array(indices.length * width);
  indices.forEach((index, i) => rows.set(values.subarray(index * width, (index + 1) * width), i * width));
  return rows;
}

import type { Features } from '../features.js';

/** Mean of numbers. */
export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Standard deviation of numbers, with their count as the denominator. */
export function deviationOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)));
}

/** The mean of rows. */
export function meanOfRows({ values, count, width }: Pick<Features, 'values' | 'count' | 'width'>): Float64Array {
  const mean = new Float64Array(width);
  for (let i = 0, at = 0; i < count; i++) for (let j = 0; j < width; j++) mean[j]! += values[at++]! / count;
  return mean;
}

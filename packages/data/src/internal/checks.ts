import { ConfigError } from '@flowmap/core';

/** The error for an invalid argument of a function. */
export function badArgument(operation: string, argument: string, wanted: string, got: string): ConfigError {
  return new ConfigError(`${operation}.${argument}`, `wanted ${wanted}, got ${got}`);
}

/** Throws `ConfigError` unless `value` is an integer from `least` to 2^53 − 1. */
export function checkInteger(operation: string, argument: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw badArgument(operation, argument, `an integer of at least ${least}`, String(value));
  }
}

/** Throws `ConfigError` unless every index is an integer from 0 to `length - 1`. */
export function checkIndices(operation: string, indices: ArrayLike<number>, length: number): void {
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]!;
    if (!Number.isSafeInteger(index) || index < 0 || index >= length) {
      throw badArgument(
        operation,
        `indices[${i}]`,
        Number.isFinite(length)
          ? `an integer from 0 to ${length - 1}, for ${length} samples`
          : 'an integer of at least 0',
        String(index),
      );
    }
  }
}

/** Throws `ConfigError` unless the shape is that of images: `[channels, height, width]`, 1 or 3 channels. */
export function checkImageShape(
  operation: string,
  shape: readonly number[],
): asserts shape is readonly [number, number, number] {
  const [channels, height, width] = shape;
  const sides = [height, width].every((side) => side !== undefined && Number.isSafeInteger(side) && side > 0);
  if (shape.length !== 3 || !(channels === 1 || channels === 3) || !sides) {
    throw badArgument(operation, 'shape', '[channels, height, width] with 1 or 3 channels', `[${shape.join(', ')}]`);
  }
}

/** Throws `ConfigError` unless a point has the given number of coordinates. */
export function checkPoint(operation: string, point: ArrayLike<number>, dimension: number): void {
  if (point.length !== dimension) {
    throw badArgument(operation, 'point', `${dimension} numbers`, `${point.length} numbers`);
  }
}

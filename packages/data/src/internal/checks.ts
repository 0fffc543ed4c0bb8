import { ConfigError, inWords, quoted } from '@flowmap/core';

/** The error for an invalid argument of a function. */
export function badArgument(operation: string, argument: string, wanted: string, got: string): ConfigError {
  return new ConfigError(`${operation}.${argument}`, `wanted ${wanted}, got ${got}`);
}

/**
 * Throws `ConfigError` unless a path is a string: an options object or a URL in its place would be read as
 * another file.
 */
export function checkPath(option: string, path: string): void {
  if (typeof path !== 'string')
    throw new ConfigError(option, `wanted the path of a file or folder, got ${inWords(path)}`);
}

/** Pixels of the largest size to which images are resized: 8192 x 8192. */
const MOST_PIXELS = 2 ** 26;

/** Throws `ConfigError` unless a size is `[height, width]`, integers of at least 1. */
export function checkSize(operation: string, size: readonly number[]): void {
  if (!Array.isArray(size) || size.length !== 2) {
    const meant = Number.isSafeInteger(size) ? `; did you mean [${String(size)}, ${String(size)}]?` : '';
    throw new ConfigError(`${operation}.size`, `wanted [height, width], got ${inWords(size)}${meant}`);
  }
  (size as readonly number[]).forEach((side, axis) => checkInteger(operation, `size[${axis}]`, side, 1));
  if (size[0]! * size[1]! > MOST_PIXELS) {
    throw badArgument(operation, 'size', `at most ${MOST_PIXELS} pixels`, `${size[0]!} x ${size[1]!}`);
  }
}

/** Throws `ConfigError` unless classes are a list of names of different folders inside the folder. */
export function checkClasses(operation: string, classes: readonly string[] | undefined): void {
  if (classes === undefined) return;
  if (!(Array.isArray(classes) && classes.every((name) => typeof name === 'string'))) {
    throw new ConfigError(`${operation}.classes`, `wanted a list of names, got ${inWords(classes)}`);
  }
  const seen = new Set<string>();
  for (const name of classes as readonly string[]) {
    if (name === '' || name === '.' || name === '..' || /[/\\\0]/.test(name)) {
      throw badArgument(operation, 'classes', 'names of folders directly in the folder', quoted(name));
    }
    if (seen.has(name)) throw badArgument(operation, 'classes', 'each class once', `${quoted(name)} twice`);
    seen.add(name);
  }
}

/** Throws `ConfigError` unless `value` is an integer from `least` to 2^53 − 1. */
export function checkInteger(operation: string, argument: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw badArgument(operation, argument, `an integer of at least ${least}`, inWords(value));
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

/** Count of numbers in the largest batch: 4 GiB of them. */
const MOST_VALUES = 2 ** 30;

/** Throws `ConfigError` if a batch of samples of a size is larger than an array can safely be. */
export function checkBatchSize(argument: string, count: number, size: number): void {
  if (count * size <= MOST_VALUES) return;
  const most = Math.floor(MOST_VALUES / size);
  throw new ConfigError(argument, `wanted at most ${most} samples of ${size} values at a time, got ${count}`);
}

/** Throws `ConfigError` unless the shape is that of images: `[channels, height, width]`, 1 or 3 channels. */
export function checkImageShape(
  operation: string,
  shape: readonly number[],
): asserts shape is readonly [number, number, number] {
  if (!Array.isArray(shape)) {
    throw badArgument(operation, 'shape', '[channels, height, width] with 1 or 3 channels', inWords(shape));
  }
  const [channels, height, width] = shape as readonly number[];
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

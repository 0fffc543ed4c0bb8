import { inWords } from '@flowmap/core';
import { badArgument } from './internal/checks.js';

/** A colour: red, green, blue, 0 to 255. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** Throws `ConfigError` unless a background colour is three integers from 0 to 255. */
export function checkBackground(operation: string, background: readonly number[]): void {
  if (!Array.isArray(background)) {
    throw badArgument(operation, 'background', 'red, green and blue from 0 to 255', inWords(background));
  }
  const inRange = background.every((value) => Number.isInteger(value) && value >= 0 && value <= 255);
  if (background.length !== 3 || !inRange) {
    throw badArgument(operation, 'background', 'red, green and blue from 0 to 255', `[${background.join(', ')}]`);
  }
}

import { FlowmapError } from '@flowmap/core';

/** An argument that a function of `@flowmap/data` cannot work with: found before any data is read or drawn. */
export class DataArgumentError extends FlowmapError {
  constructor(
    /** The function that was called, as the user wrote it. */
    readonly operation: string,
    /** The argument that is wrong. */
    readonly argument: string,
    /** What it must be, in words. */
    readonly wanted: string,
    /** What it was, in words. */
    readonly got: string,
  ) {
    super(`${operation}: ${argument} must be ${wanted}, got ${got}`);
  }
}

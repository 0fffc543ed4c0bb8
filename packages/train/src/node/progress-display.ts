import type { LogRecord } from '@flowmap/core';

/**
 * What is shown while a run trains; `auto` is a bar on a terminal where the package `cli-progress` is installed, and lines
 * elsewhere.
 */
export type ProgressDisplay = 'auto' | 'bar' | 'lines' | 'none';

/** Shows how far a run is. */
export interface ProgressReporter {
  /** A step was taken. */
  step(done: number): void;
  /** A record was logged. */
  record(record: LogRecord): void;
  stop(): void;
}

/** What is shown of a run. */
export interface Shown {
  /** What is trained. */
  readonly title: string;
  /** Names of the quantities to show. */
  readonly watched: readonly string[];
  /** Steps of the whole run. */
  readonly iterations: number;
  /** Steps taken already. */
  readonly done: number;
}

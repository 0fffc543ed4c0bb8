import type { LogRecord } from '@flowmap/core';

/**
 * How the progress of a run is shown; `auto` is a bar on a terminal if the package `cli-progress` is installed, and
 * lines otherwise.
 */
export type ProgressDisplay = 'auto' | 'bar' | 'lines' | 'none';

/** Shows the progress of a run. */
export interface ProgressReporter {
  /** A step was taken. */
  step(done: number): void;
  /** A record was logged. */
  record(record: LogRecord): void;
  stop(): void;
}

/** What to show of a run. */
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

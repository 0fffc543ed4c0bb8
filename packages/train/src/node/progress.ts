import { surviveClosedPipe } from './closed-pipe.js';
import type { LogRecord } from './log.js';
import { facts, loadBar } from './progress-bar.js';

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

/** About how many lines a run prints. */
const LINES = 50;

/**
 * Starts showing progress. Where nobody reads the stream any more, as after `| head`, training goes on.
 *
 * @param title what is trained
 * @param iterations steps of the whole run
 * @param done steps taken already
 * @param stream where it is shown
 * @throws {ConfigError} when a bar is asked for, by `bar`, and the package `cli-progress` cannot be loaded
 */
export async function showProgress(
  display: ProgressDisplay,
  title: string,
  iterations: number,
  done: number,
  stream: NodeJS.WriteStream = process.stderr,
): Promise<ProgressReporter> {
  if (display === 'none') return { step: () => undefined, record: () => undefined, stop: () => undefined };
  const progressBar = await loadBar(display, stream);
  const end = surviveClosedPipe(stream);
  const reporter = (progressBar ?? progressLines)(title, iterations, done, stream);
  return {
    ...reporter,
    stop() {
      reporter.stop();
      end();
    },
  };
}

/**
 * Shows a remark on a line of its own, before progress is shown.
 *
 * @param title what is trained
 * @param stream where it is shown
 */
export function showNote(
  display: ProgressDisplay,
  title: string,
  note: string,
  stream: NodeJS.WriteStream = process.stderr,
): void {
  if (display === 'none') return;
  const end = surviveClosedPipe(stream);
  stream.write(`${title}: ${note}\n`);
  end();
}

function progressLines(title: string, iterations: number, done: number, stream: NodeJS.WriteStream): ProgressReporter {
  const every = Math.max(1, Math.floor(iterations / LINES));
  const print = (text: string): boolean => stream.write(`${text}\n`);
  if (done > 0) print(`${title}: goes on from step ${done} of ${iterations}`);
  let next = done;
  return {
    step: () => undefined,
    record(record) {
      if (record.step < next && record.step < iterations) return;
      next = record.step + every;
      print(`${title}: step ${record.step}/${iterations}, ${facts(record)}, ETA ${duration(eta(record))}`);
    },
    stop: () => undefined,
  };

  function eta({ step, seconds }: LogRecord): number {
    return (seconds / step) * (iterations - step);
  }
}

function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [minutes, rest] = [Math.floor(whole / 60), whole % 60];
  return minutes === 0 ? `${rest} s` : `${minutes} min ${rest} s`;
}

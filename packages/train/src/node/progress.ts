import { ConfigError } from '@flowmap/core';
import { surviveClosedPipe } from './closed-pipe.js';
import type { LogRecord } from './log.js';

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

/** What this file uses of cli-progress. */
type BarPackage = Pick<typeof import('cli-progress'), 'Presets' | 'SingleBar'>;

/** About how many lines a run prints. */
const LINES = 50;

/**
 * Loads what draws bars, unless none is wanted.
 *
 * @returns nothing where lines are to be shown instead
 * @throws {ConfigError} when a bar is asked for, by `bar`, and the package `cli-progress` cannot be loaded
 */
export async function loadBar(
  display: ProgressDisplay,
  stream: NodeJS.WriteStream = process.stderr,
): Promise<BarPackage | undefined> {
  if (display === 'lines' || display === 'none' || (display === 'auto' && !stream.isTTY)) return undefined;
  try {
    return (await import('cli-progress')).default;
  } catch (cause) {
    if (display === 'auto') return undefined;
    const advice = 'Install it with `npm install cli-progress`, or choose lines';
    throw new ConfigError(
      'progress',
      `a bar needs cli-progress, which could not be loaded. ${advice} (${String(cause)})`,
    );
  }
}

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
  const bar = await loadBar(display, stream);
  const end = surviveClosedPipe(stream);
  const reporter = bar
    ? progressBar(bar, title, iterations, done, stream)
    : progressLines(title, iterations, done, stream);
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

function progressBar(
  { Presets, SingleBar }: BarPackage,
  title: string,
  iterations: number,
  done: number,
  stream: NodeJS.WriteStream,
): ProgressReporter {
  const format = `${title} {bar} {value}/{total} | ETA {eta_formatted} | {facts}`;
  const bar = new SingleBar({ format, stream, etaBuffer: 50, hideCursor: true }, Presets.shades_classic);
  bar.start(iterations, done, { facts: '' });
  return {
    step: (value) => bar.update(value),
    record: (record) => bar.update(record.step, { facts: facts(record) }),
    stop: () => bar.stop(),
  };
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

function facts(record: LogRecord): string {
  const { loss, tangentNorm, imagesPerSecond } = record;
  const tangent = tangentNorm === undefined ? '' : `tangent ${tangentNorm.toPrecision(3)}, `;
  return `loss ${loss.toPrecision(4)}, ${tangent}${Number(imagesPerSecond.toPrecision(3))} samples/s`;
}

function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [minutes, rest] = [Math.floor(whole / 60), whole % 60];
  return minutes === 0 ? `${rest} s` : `${minutes} min ${rest} s`;
}

import { ConfigError, quoted, type LogRecord } from '@flowmap/core';
import type { ProgressDisplay, ProgressReporter, Shown } from './progress-display.js';

const DISPLAYS: readonly ProgressDisplay[] = ['auto', 'bar', 'lines', 'none'];

/** Starts a bar; see `showProgress`. */
type ProgressBar = (shown: Shown, stream: NodeJS.WriteStream) => ProgressReporter;

/**
 * Loads the package that draws bars, unless no bar is wanted.
 *
 * @returns undefined if lines, or nothing, are to be shown instead
 * @throws {ConfigError} for an unknown display, and when a bar is requested with `bar` and the package `cli-progress` cannot be loaded
 */
export async function loadBar(
  display: ProgressDisplay,
  stream: NodeJS.WriteStream = process.stderr,
): Promise<ProgressBar | undefined> {
  if (!DISPLAYS.includes(display)) {
    throw new ConfigError('progress', `wanted one of ${DISPLAYS.join(', ')}; got ${quoted(display)}`);
  }
  if (display === 'lines' || display === 'none' || (display === 'auto' && !stream.isTTY)) return undefined;
  try {
    return progressBar((await import('cli-progress')).default);
  } catch (cause) {
    if (display === 'auto') return undefined;
    const advice = 'Install it with `npm install cli-progress`, or choose lines';
    throw new ConfigError(
      'progress',
      `a bar needs cli-progress, which could not be loaded. ${advice} (${String(cause)})`,
    );
  }
}

const progressBar =
  ({ Presets, SingleBar }: Pick<typeof import('cli-progress'), 'Presets' | 'SingleBar'>): ProgressBar =>
  ({ title, watched, iterations, done }, stream) => {
    const format = `${title} {bar} {value}/{total} | ETA {eta_formatted} | {facts}`;
    const bar = new SingleBar({ format, stream, etaBuffer: 50, hideCursor: true }, Presets.shades_classic);
    bar.start(iterations, done, { facts: '' });
    return {
      step: (value) => bar.update(value),
      record: (record) => bar.update(record.step, { facts: facts(record, watched) }),
      stop: () => bar.stop(),
    };
  };

/** The contents of a record other than its step. */
export function facts(record: LogRecord, watched: readonly string[]): string {
  const shown = watched.flatMap((name) => (record[name] === undefined ? [] : `${name} ${record[name].toPrecision(4)}`));
  return [...shown, `${Number(record.imagesPerSecond.toPrecision(3))} samples/s`].join(', ');
}

import { ConfigError } from '@flowmap/core';
import type { LogRecord } from './log.js';
import type { ProgressDisplay, ProgressReporter } from './progress.js';

/** Starts a bar; see `showProgress`. */
type ProgressBar = (title: string, iterations: number, done: number, stream: NodeJS.WriteStream) => ProgressReporter;

/**
 * Loads what draws bars, unless none is wanted.
 *
 * @returns nothing where lines, or nothing, are to be shown instead
 * @throws {ConfigError} when a bar is asked for, by `bar`, and the package `cli-progress` cannot be loaded
 */
export async function loadBar(
  display: ProgressDisplay,
  stream: NodeJS.WriteStream = process.stderr,
): Promise<ProgressBar | undefined> {
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
  (title, iterations, done, stream) => {
    const format = `${title} {bar} {value}/{total} | ETA {eta_formatted} | {facts}`;
    const bar = new SingleBar({ format, stream, etaBuffer: 50, hideCursor: true }, Presets.shades_classic);
    bar.start(iterations, done, { facts: '' });
    return {
      step: (value) => bar.update(value),
      record: (record) => bar.update(record.step, { facts: facts(record) }),
      stop: () => bar.stop(),
    };
  };

/** What a record says beside its step. */
export function facts(record: LogRecord): string {
  const { loss, tangentNorm, imagesPerSecond } = record;
  const tangent = tangentNorm === undefined ? '' : `tangent ${tangentNorm.toPrecision(3)}, `;
  return `loss ${loss.toPrecision(4)}, ${tangent}${Number(imagesPerSecond.toPrecision(3))} samples/s`;
}

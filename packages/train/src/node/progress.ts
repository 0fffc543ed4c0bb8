import { surviveClosedPipe } from './closed-pipe.js';
import type { Callback, LogRecord, Phase } from '@flowmap/core';
import { facts, loadBar } from './progress-bar.js';
import type { ProgressDisplay, ProgressReporter, Shown } from './progress-display.js';

/**
 * Shows the progress of a training: each step on a bar, and what is logged. Place it after the callback that logs.
 *
 * @param phase supplies the title and the metric to show beside the loss
 * @param done steps taken already
 */
export function progress(
  display: ProgressDisplay,
  { name, watch }: Pick<Phase, 'name' | 'watch'>,
  iterations: number,
  done: number,
): Callback {
  const watched = ['loss', ...(watch === undefined ? [] : [watch])];
  let reporter: ProgressReporter | undefined;
  return {
    name: 'progress',
    every: 1,
    async run({ step, records }) {
      reporter ??= await showProgress(display, { title: name, watched, iterations, done });
      reporter.step(step);
      const last = records.at(-1);
      if (last?.step === step) reporter.record(last);
    },
    close: () => reporter?.stop(),
  };
}

/** Approximate number of lines that a run prints. */
const LINES = 50;

/**
 * Starts showing progress. If nobody reads the stream any more, as after `| head`, training goes on.
 *
 * @param stream where it is shown
 * @throws {ConfigError} when a bar is requested with `bar` and the package `cli-progress` cannot be loaded
 */
export async function showProgress(
  display: ProgressDisplay,
  shown: Shown,
  stream: NodeJS.WriteStream = process.stderr,
): Promise<ProgressReporter> {
  if (display === 'none') return { step: () => undefined, record: () => undefined, stop: () => undefined };
  const progressBar = await loadBar(display, stream);
  const end = surviveClosedPipe(stream);
  const reporter = (progressBar ?? progressLines)(shown, stream);
  return {
    ...reporter,
    stop() {
      reporter.stop();
      end();
    },
  };
}

/**
 * Shows a note on a line of its own, before progress is shown.
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

function progressLines({ title, watched, iterations, done }: Shown, stream: NodeJS.WriteStream): ProgressReporter {
  const every = Math.max(1, Math.floor(iterations / LINES));
  const print = (text: string): boolean => stream.write(`${text}\n`);
  if (done > 0) print(`${title}: goes on from step ${done} of ${iterations}`);
  let next = done;
  return {
    step: () => undefined,
    record(record) {
      if (record.step < next && record.step < iterations) return;
      next = record.step + every;
      print(`${title}: step ${record.step}/${iterations}, ${facts(record, watched)}, ETA ${duration(eta(record))}`);
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

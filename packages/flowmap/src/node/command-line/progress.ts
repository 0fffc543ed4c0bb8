import type { CommandContext } from './command.js';

/** Shows how far work of known length has come. */
export interface ProgressOf {
  readonly update: (done: number, total: number) => void;
  readonly stop: () => void;
}

/** Milliseconds between two lines. */
const EVERY = 5000;

/**
 * Shows the progress of work on standard error: a bar on a terminal if the package `cli-progress` is installed, and
 * otherwise a line every five seconds.
 *
 * @param title what is counted: `images`
 */
export async function showProgress(
  { progress = 'auto', note }: Pick<CommandContext, 'progress' | 'note'>,
  title: string,
): Promise<ProgressOf> {
  if (progress === 'none') return { update: () => undefined, stop: () => undefined };
  const bars = progress === 'bar' || (progress === 'auto' && process.stderr.isTTY) ? await loadBars() : undefined;
  if (bars === undefined) return lines(title, note);
  const format = `${title} {bar} {value}/{total} | ETA {eta_formatted}`;
  const bar = new bars.SingleBar({ format, stream: process.stderr, hideCursor: true }, bars.Presets.shades_classic);
  let started = false;
  return {
    update(done, total) {
      if (!started) bar.start(total, 0);
      started = true;
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}

/** Whether the package that draws bars is installed. */
export async function hasBars(): Promise<boolean> {
  return (await loadBars()) !== undefined;
}

async function loadBars(): Promise<Pick<typeof import('cli-progress'), 'Presets' | 'SingleBar'> | undefined> {
  try {
    return (await import('cli-progress')).default;
  } catch {
    return undefined;
  }
}

function lines(title: string, note: CommandContext['note']): ProgressOf {
  let shown = performance.now();
  return {
    update(done, total) {
      if (performance.now() - shown < EVERY) return;
      shown = performance.now();
      note?.(`${title}: ${done}/${total}`);
    },
    stop: () => undefined,
  };
}

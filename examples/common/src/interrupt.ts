import type { CommandOutput } from './command.js';

/** Exit code of a process that ended on Ctrl-C: 128 plus the number of SIGINT. */
const INTERRUPTED = 130;

/**
 * Runs work that the user can interrupt: the first Ctrl-C aborts the signal and waits for the work to save and return, the
 * second ends the process.
 *
 * @returns 0, or 130 when the work was interrupted
 */
export async function withInterrupt(
  work: (signal: AbortSignal) => Promise<unknown>,
  output: Pick<CommandOutput, 'error'>,
): Promise<number> {
  const controller = new AbortController();
  const onInterrupt = (): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    output.error('\nSaving … press Ctrl-C again to stop at once.\n');
    controller.abort();
  };
  process.on('SIGINT', onInterrupt);
  try {
    await work(controller.signal);
  } catch (error) {
    if (error !== controller.signal.reason) throw error;
  } finally {
    process.off('SIGINT', onInterrupt);
  }
  if (!controller.signal.aborted) return 0;
  output.error('Interrupted. Run the same command again to resume where it stopped.\n');
  return INTERRUPTED;
}

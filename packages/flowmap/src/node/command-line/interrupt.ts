import { constants } from 'node:os';

/**
 * Signals that ask a process to end, and their names for the user: a key, `kill` or a system shutting down, a terminal
 * being closed.
 */
const SIGNALS = { SIGINT: 'Ctrl-C', SIGTERM: 'SIGTERM', SIGHUP: 'SIGHUP' } as const;
type Signal = keyof typeof SIGNALS;

/**
 * Milliseconds in which further signals count as the first one: for one Ctrl-C a process may get two, from the terminal
 * and from the npm that started it.
 */
const ECHO = 500;

/**
 * Runs work that the user can interrupt: the first SIGINT, SIGTERM or SIGHUP aborts the signal and waits for the work
 * to save and reject with the signal's reason; another one ends the process at once with exit code 128 plus its number.
 *
 * @param resumes whether the same work continues where it stopped when it is run again
 * @returns 0, even if the work was completed despite a signal; 128 plus the signal's number if it was interrupted
 */
export async function withInterrupt(
  work: (signal: AbortSignal) => Promise<unknown>,
  output: { error(text: string): void },
  resumes = true,
): Promise<number> {
  const controller = new AbortController();
  const { signal } = controller;
  const received: Signal[] = [];
  let since = 0;
  const onSignal = (name: Signal): void => {
    if (signal.aborted) {
      if (performance.now() - since > ECHO) process.exit(exitCode(name));
      return;
    }
    received.push(name);
    since = performance.now();
    output.error(`\n${SIGNALS[name]}: ${resumes ? 'saving' : 'stopping'} … once more stops at once.\n`);
    controller.abort();
  };
  const names = Object.keys(SIGNALS) as Signal[];
  for (const name of names) process.on(name, onSignal);
  try {
    await work(signal);
    return 0;
  } catch (error) {
    const [name] = received;
    if (name === undefined || error !== signal.reason) throw error;
    const advice = resumes ? 'Run the same command again to resume where it stopped.' : 'Nothing was kept.';
    output.error(`Interrupted by ${SIGNALS[name]}. ${advice}\n`);
    return exitCode(name);
  } finally {
    for (const name of names) process.off(name, onSignal);
  }
}

/** The exit code that a shell reports for a process ended by a signal. */
function exitCode(name: Signal): number {
  return 128 + constants.signals[name];
}

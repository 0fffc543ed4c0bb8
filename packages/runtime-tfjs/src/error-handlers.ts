/** What Node has and a browser lacks. */
interface Process {
  listeners(event: string): ((...args: unknown[]) => void)[];
  off(event: string, listener: (...args: unknown[]) => void): void;
}

const events = ['uncaughtException', 'unhandledRejection'];

/**
 * Runs a function and removes the handlers of uncaught errors that it leaves on the process. In Node, the wasm back end
 * installs handlers that rethrow the error from a source line of 60,000 characters, which Node then prints instead of
 * the place where the error arose.
 */
export async function keepingErrorHandlers<T>(f: () => Promise<T>): Promise<T> {
  const { process } = globalThis as { process?: Partial<Process> };
  const handlers = (event: string): ReturnType<Process['listeners']> => process?.listeners?.(event) ?? [];
  const before = new Map(events.map((event) => [event, new Set(handlers(event))]));
  try {
    return await f();
  } finally {
    for (const [event, kept] of before) {
      for (const added of handlers(event)) {
        if (!kept.has(added) && String(added).includes('throw ')) process?.off?.(event, added);
      }
    }
  }
}

import { describe, it } from 'vitest';

/** One requirement of a contract, with a function that throws if it is not met. */
export interface Check {
  /** The requirement, as the title of a test. */
  readonly title: string;
  readonly run: () => void | Promise<void>;
}

/** Registers the checks of a contract as tests of one suite. */
export function describeChecks(name: string, checks: readonly Check[]): void {
  describe(name, () => {
    for (const { title, run } of checks) it(title, async () => run());
  });
}

/** Titles of the checks that fail, for testing that a contract finds the faults it should. */
export async function failedChecks(checks: readonly Check[]): Promise<string[]> {
  const failed: string[] = [];
  for (const { title, run } of checks) {
    try {
      await run();
    } catch {
      failed.push(title);
    }
  }
  return failed;
}

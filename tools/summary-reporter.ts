import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node';
import type { SerializedError } from 'vitest';

/**
 * The line that closes a run, `N passed, N failed`, after a line with the number of skipped tests if there were some.
 */
export function summaryLine({ passed, failed, skipped }: { passed: number; failed: number; skipped: number }): string {
  const before = skipped > 0 ? `${String(skipped)} skipped\n` : '';
  return `${before}${String(passed)} passed, ${String(failed)} failed`;
}

/**
 * Vitest reporter whose last line is the count of tests, alone on a line.
 *
 * A test file that could not be loaded and an error outside every test count as one failure each.
 */
export class SummaryReporter implements Reporter {
  onTestRunEnd(
    modules: readonly TestModule[],
    unhandledErrors: readonly SerializedError[],
    _reason: TestRunEndReason,
  ): void {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      counts.failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'pending') counts.failed += 1;
        else counts[state] += 1;
      }
    }
    process.stdout.write(`${summaryLine(counts)}\n`);
  }
}

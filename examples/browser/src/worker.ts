import type { Command, Report } from './messages.js';
import { run } from './run.js';
import type { Gate } from './train.js';

const scope = globalThis as unknown as {
  onmessage: ((event: { data: Command }) => void) | null;
  postMessage(report: Report): void;
};

let paused: { readonly until: Promise<void>; readonly end: () => void } | undefined;

/** Waits while the page keeps the run paused. */
const gate: Gate = async () => paused?.until;

scope.onmessage = ({ data: command }) => {
  switch (command.type) {
    case 'start':
      run(command.settings, (report) => scope.postMessage(report), gate).catch((error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        scope.postMessage({ type: 'failed', message });
      });
      return;
    case 'pause':
      paused ??= pause();
      return;
    case 'resume':
      paused?.end();
      paused = undefined;
  }
};

function pause(): NonNullable<typeof paused> {
  let end = (): void => undefined;
  const until = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { until, end: () => end() };
}

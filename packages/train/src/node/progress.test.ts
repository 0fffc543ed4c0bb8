import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import type { LogRecord } from '@flowmap/core';
import { showNote, showProgress } from './progress.js';
import type { ProgressDisplay, ProgressReporter } from './progress-display.js';

/** The output of a reporter while `act` uses it. */
async function shown(
  display: ProgressDisplay,
  done: number,
  terminal: boolean,
  act: (reporter: ProgressReporter) => void,
): Promise<string> {
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: terminal, columns: 120, rows: 24 });
  act(
    await showProgress(
      display,
      { title: 'ayf-emd', watched: ['loss', 'tangentNorm'], iterations: 400, done },
      stream as unknown as NodeJS.WriteStream,
    ),
  );
  return (stream.read() as string | null) ?? '';
}

const record = (step: number, more: Record<string, number> = {}): LogRecord => ({
  step,
  loss: 0.5,
  gradientNorm: 1,
  learningRate: 1e-3,
  imagesPerSecond: 1234,
  seconds: step / 2,
  ...more,
});

function wholeRun(reporter: ProgressReporter): void {
  for (let step = 1; step <= 400; step++) {
    reporter.step(step);
    reporter.record(record(step, { tangentNorm: 7.25 }));
  }
  reporter.stop();
}

test('lines: a few plain ones, with the time left', async () => {
  const lines = (await shown('lines', 0, true, wholeRun)).trimEnd().split('\n');
  expect(lines[0]).toBe('ayf-emd: step 1/400, loss 0.5000, tangentNorm 7.250, 1230 samples/s, ETA 3 min 20 s');
  expect(lines.at(-1)).toBe('ayf-emd: step 400/400, loss 0.5000, tangentNorm 7.250, 1230 samples/s, ETA 0 s');
  expect(lines.length).toBeLessThan(55);
});

test('lines: say that a run goes on', async () => {
  const text = await shown('lines', 100, false, (reporter) => reporter.record(record(101)));
  expect(text.split('\n')).toEqual([
    'ayf-emd: goes on from step 100 of 400',
    'ayf-emd: step 101/400, loss 0.5000, 1230 samples/s, ETA 2 min 30 s',
    '',
  ]);
});

test('bar: one line that is drawn again, with the time left', async () => {
  const text = await shown('bar', 0, true, wholeRun);
  expect(text).toContain('ayf-emd');
  expect(text).toContain('ETA');
  expect(text).toContain('400/400');
  expect(text).toContain('loss 0.5000, tangentNorm 7.250');
  expect(text.split('\n').length).toBeLessThan(3);
});

test('auto: a bar on a terminal, lines elsewhere', async () => {
  const first = (reporter: ProgressReporter): void => {
    reporter.record(record(1));
    reporter.stop();
  };
  expect(await shown('auto', 0, false, first)).toBe(await shown('lines', 0, false, first));
  expect(await shown('auto', 0, true, first)).toContain('1/400');
  expect(await shown('auto', 0, true, first)).not.toContain('step 1/400');
});

test('none: nothing', async () => {
  expect(await shown('none', 0, true, wholeRun)).toBe('');
});

test('a note is a line of its own, unless nothing is shown', () => {
  const noted = (display: ProgressDisplay): string | null => {
    const stream = new PassThrough({ encoding: 'utf8' });
    showNote(display, 'ayf-emd', 'labels are changed', stream as unknown as NodeJS.WriteStream);
    return stream.read() as string | null;
  };
  for (const display of ['auto', 'bar', 'lines'] as const) expect(noted(display)).toBe('ayf-emd: labels are changed\n');
  expect(noted('none')).toBeNull();
});

import { afterEach, expect, test, vi } from 'vitest';
import type { LogRecord } from './log.js';
import { showProgress } from './progress.js';

afterEach(() => vi.restoreAllMocks());

/** What is written to the standard error while `act` runs. */
function written(act: () => void): string {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  act();
  return write.mock.calls.map(([chunk]) => String(chunk)).join('');
}

const record = (step: number, more: Record<string, number> = {}): LogRecord => ({
  ...{ step, loss: 0.5, gradientNorm: 1, learningRate: 1e-3, imagesPerSecond: 1234, seconds: step / 2 },
  ...more,
});

test('lines: a few plain ones, with the time left', () => {
  const text = written(() => {
    const reporter = showProgress('lines', 'ayf-emd', 400, 0);
    for (let step = 1; step <= 400; step++) {
      reporter.step(step);
      reporter.record(record(step, { tangentNorm: 7.25 }));
    }
    reporter.stop();
  });
  const lines = text.trimEnd().split('\n');
  expect(lines[0]).toBe('ayf-emd: step 1/400, loss 0.5000, tangent 7.25, 1.23e+3 samples/s, ETA 3 min 20 s');
  expect(lines.at(-1)).toBe('ayf-emd: step 400/400, loss 0.5000, tangent 7.25, 1.23e+3 samples/s, ETA 0 s');
  expect(lines.length).toBeLessThan(55);
});

test('lines: say that a run goes on', () => {
  const text = written(() => {
    const reporter = showProgress('lines', 'flow-matching', 400, 100);
    reporter.record(record(101));
  });
  expect(text.split('\n')).toEqual([
    'flow-matching: goes on from step 100 of 400',
    'flow-matching: step 101/400, loss 0.5000, 1.23e+3 samples/s, ETA 2 min 30 s',
    '',
  ]);
});

test('auto: lines where there is no terminal', () => {
  vi.spyOn(process.stderr, 'isTTY', 'get').mockReturnValue(false);
  expect(written(() => showProgress('auto', 'a', 10, 0).record(record(1)))).toContain('a: step 1/10');
});

test('none: nothing', () => {
  expect(
    written(() => {
      const reporter = showProgress('none', 'a', 10, 0);
      reporter.step(1);
      reporter.record(record(1));
      reporter.stop();
    }),
  ).toBe('');
});

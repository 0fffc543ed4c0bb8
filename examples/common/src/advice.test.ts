import { lengthBins } from '@flowmap/core';
import { expect, test } from 'vitest';
import { advice } from './advice.js';
import type { Instruments } from './instruments.js';
import { perStepCount, STEP_COUNTS } from './evaluate.js';

/** The metrics of a student with the given error at each number of steps. */
function adviceFor(errors: readonly number[], shortShare: number): string {
  const bins = lengthBins();
  const short = bins.filter(({ to }) => to > 0 && to <= 1 / 8);
  const instruments: Instruments = {
    samples: 32,
    velocityDrift: [
      { t: 0, rms: 0.01 },
      { t: 1, rms: 0.25 },
    ],
    byLength: bins.map((bin) => ({
      ...bin,
      ...{ mapError: 0, mapErrorPerLength: 0, tangentShare: 0 },
      drawn: short.includes(bin) ? shortShare / short.length : (1 - shortShare) / (bins.length - short.length),
    })),
  };
  const student = perStepCount((steps) => ({ endpointRmse: errors[STEP_COUNTS.indexOf(steps)]! }));
  return advice({ student, instruments });
}

test('an error that falls, or levels off, wants nothing', () => {
  expect(adviceFor([0.5, 0.4, 0.3, 0.2, 0.1], 0.1)).toBe('Here it rises by less than 2 % up to 16 steps.');
  expect(adviceFor([0.5, 0.4, 0.3, 0.2, 0.203], 0.1)).toBe('Here it rises by less than 2 % up to 16 steps.');
});

test('one that rises by too few short intervals wants other lengths', () => {
  const text = adviceFor([0.5, 0.2, 0.25, 0.3, 0.35], 0.126);
  expect(text).toContain('Here it rises from 0.200 at 2 steps to 0.350 at 16');
  expect(text).toContain('13 % of the intervals drawn are no longer than 1/8');
  expect(text).toContain('--shortest-interval');
});

test('one that rises although short intervals are served wants its velocity held', () => {
  const text = adviceFor([0.2, 0.3, 0.3, 0.3, 0.35], 0.375);
  expect(text).toContain('from 0.200 at 1 step to');
  expect(text).toContain('drifted by up to 0.250');
  expect(text).toContain('--diagonal-share');
  expect(text).not.toContain('--shortest-interval');
});

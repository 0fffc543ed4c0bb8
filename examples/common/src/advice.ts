import { STEP_COUNTS } from './evaluate.js';
import type { Metrics } from './metrics.js';

/** A rise of the error by less than this fraction does not count. */
const SLACK = 0.02;
/** Intervals of at most this length are short: those of samplers of eight steps and more. */
const SHORT = 1 / 8;
/** Short intervals with a smaller share of those drawn than this are starved; log-uniform lengths from 1/64 give them 3/8. */
const STARVED = 0.25;

/**
 * Whether the student's error rises with the number of steps and, according to the instruments, what to do
 * about it.
 */
export function advice({ student, instruments }: Pick<Metrics, 'student' | 'instruments'>): string {
  const errors = STEP_COUNTS.map((steps) => student[steps].endpointRmse);
  const least = Math.min(...errors);
  const best = STEP_COUNTS[errors.indexOf(least)]!;
  const most = STEP_COUNTS.at(-1)!;
  const last = errors.at(-1)!;
  if (!(last > (1 + SLACK) * least)) return `Here it rises by less than ${100 * SLACK} % up to ${most} steps.`;
  const short = instruments.byLength.filter(({ to }) => to > 0 && to <= SHORT);
  const share = short.reduce((sum, { drawn }) => sum + drawn, 0);
  const drift = Math.max(...instruments.velocityDrift.map(({ rms }) => rms));
  return (
    `Here it rises from ${least.toFixed(3)} at ${best} ${best === 1 ? 'step' : 'steps'} to ${last.toFixed(3)} at ${most}: ` +
    `the velocity has drifted by up to ${drift.toFixed(3)}, and ${(100 * share).toFixed(0)} % of the intervals drawn are ` +
    `no longer than 1/8, so ${share < STARVED ? 'draw lengths log-uniformly (--shortest-interval 0.0156), and ' : ''}` +
    'raise --diagonal-share or lower --learning-rate.'
  );
}

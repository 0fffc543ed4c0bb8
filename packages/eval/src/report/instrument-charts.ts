import { requireKnownOptions } from '@flowmap/tensor';
import type { MapError } from '../instruments/map-error.js';
import type { Drift } from '../instruments/velocity-drift.js';
import type { ChartLine, LineChart } from './line-chart.js';
import { capitalised, wordsOf } from './words.js';

/** A share of intervals by length; see `lossByLength` of `@flowmap/train`. */
export interface LengthShare {
  /** Share of these lengths in the loss. */
  readonly share: number;
  /** Share of these lengths among the intervals that training draws. */
  readonly drawn: number;
  /** Metrics of the objective for these lengths, by name; none unless given. */
  readonly metrics?: Readonly<Record<string, number>>;
}

/** Readings of the instruments. */
export interface InstrumentReadings {
  /** From `velocityDrift`. */
  readonly drift: readonly Drift[];
  /** From `mapErrorByLength`. */
  readonly mapError: readonly MapError[];
  /** From `lossByLength` of `@flowmap/train`, for the same lengths; not charted unless given. */
  readonly loss?: readonly LengthShare[];
  /** The metric to draw as well, such as the one that the objective says to watch; none unless given. */
  readonly watch?: string;
}

/**
 * Charts of the instruments: the drift of the velocity over time and, over the length of jumps, the error of the map
 * and, if they are given, the metric to watch and the share in the loss.
 *
 * @param readings.mapError from the longest length to the shortest
 * @param readings.loss from the longest length to the shortest
 */
export function instrumentCharts(readings: InstrumentReadings): LineChart[] {
  requireKnownOptions('instrumentCharts', readings, { drift: true, mapError: true, loss: true, watch: true });
  const { drift, mapError, loss, watch } = readings;
  const errors = mapError.toReversed();
  const shares = loss?.toReversed();
  const labels = errors.map(({ to }) => (to === 0 ? 's = t' : to === 1 ? '1' : `1/${Math.round(1 / to)}`));
  const x = labels.map((_, i) => i);
  const chart = (title: string, note: string, y: string, lines: readonly Omit<ChartLine, 'x'>[]): LineChart => ({
    title,
    note,
    x: { label: 'length t − s', labels },
    y: { label: y },
    lines: lines.map((line) => ({ ...line, x })),
  });
  const watched = shares?.map(({ metrics }) => metrics?.[watch ?? ''] ?? NaN) ?? [];
  return [
    {
      title: 'Velocity drift',
      note: 'RMS of F(x, t, t) − v(x, t), from data at t = 0 to noise at 1',
      x: { label: 'time t' },
      y: { label: 'RMS' },
      lines: [{ x: drift.map(({ t }) => t), y: drift.map(({ rms }) => rms) }],
    },
    chart('Map error', "RMS distance from the teacher's end, by length", 'RMS', [{ y: errors.map(({ rms }) => rms) }]),
    chart('Map error per length', 'the same divided by the length', 'RMS / (t − s)', [
      { y: errors.map(({ perLength }) => perLength) },
    ]),
    ...(watch !== undefined && watched.some(Number.isFinite)
      ? [chart(capitalised(wordsOf(watch)), 'by length', wordsOf(watch), [{ y: watched }])]
      : []),
    ...(shares
      ? [
          chart('Share of the pull', 'what part of the loss lengths have, and of the intervals drawn', 'share', [
            { name: 'of the intervals', y: shares.map(({ drawn }) => drawn), role: 'teacher' },
            { name: 'of the loss', y: shares.map(({ share }) => share) },
          ]),
        ]
      : []),
  ];
}

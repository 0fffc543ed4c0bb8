import { requireKnownOptions } from '@flowmap/tensor';
import type { ChartRole } from './chart.js';
import type { LineChart } from './line-chart.js';
import type { ReportTable } from './report.js';

/** Distances of one kind of samples. */
export interface DistanceCurve {
  /** Whose samples: `Student`, `Teacher`, `Student, consistency sampler`. */
  readonly name: string;
  readonly role?: ChartRole;
  /** Lengths of strokes and gaps; a solid line unless given. */
  readonly dash?: readonly number[];
  /** The distance at each number of steps, or scale of guidance. */
  readonly values: Readonly<Record<number, number>>;
}

/** What {@link distanceChart} draws. */
export interface DistanceChartOptions {
  /** The horizontal axis: each number of steps by itself, or the scale of guidance. */
  readonly over: 'steps' | 'guidance';
  readonly title: string;
  readonly note?: string;
  /** What the distance is, such as `FID`; `distance` unless given. */
  readonly label?: string;
  readonly curves: readonly DistanceCurve[];
}

/** A chart of distances from the data against numbers of steps or scales of guidance, with a dot for each value. */
export function distanceChart(options: DistanceChartOptions): LineChart {
  requireKnownOptions('distanceChart', options, { over: true, title: true, note: true, label: true, curves: true });
  const { over, title, note, label = 'distance', curves } = options;
  const keys = ({ values }: DistanceCurve): number[] => Object.keys(values).map(Number);
  const places = [...new Set(curves.flatMap(keys))].sort((a, b) => a - b);
  return {
    title,
    ...(note === undefined ? {} : { note }),
    x: over === 'steps' ? { label: 'steps', labels: places.map(String) } : { label: 'scale of guidance' },
    y: { label },
    lines: curves.map(({ values, ...line }) => {
      const own = places.filter((place) => place in values);
      const x = over === 'steps' ? own.map((place) => places.indexOf(place)) : own;
      return { ...line, x, y: own.map((place) => values[place]!), dots: true };
    }),
  };
}

/**
 * Distances class by class as a table, with the lowest of each class emphasised.
 *
 * @param columns whose samples
 * @param rows the distances of each class, one for each column; NaN leaves a cell empty
 */
export function classTable(
  columns: ReportTable['columns'],
  rows: Readonly<Record<string, readonly number[]>>,
): ReportTable {
  return {
    columns,
    rows: Object.entries(rows).map(([label, values]) => {
      const known = values.filter(Number.isFinite);
      const best = values.indexOf(known.reduce((a, b) => Math.min(a, b), Infinity));
      const cells = values.map((value) => (Number.isFinite(value) ? value.toFixed(1) : ''));
      return { label, cells, ...(known.length > 1 ? { best } : {}) };
    }),
  };
}

import { requireKnownOptions } from '@flowmap/tensor';
import {
  between,
  chartFigure,
  horizontalAxis,
  PLOT,
  scaleOf,
  verticalAxis,
  type ChartAxis,
  type ChartRole,
} from './chart.js';
import { axisOf } from './axis.js';
import { html, type Html } from './html.js';
import { numberText } from './words.js';

/** A line of a {@link LineChart}. */
export interface ChartLine {
  /** Shown in a legend; none unless given. */
  readonly name?: string;
  readonly x: readonly number[];
  /** One value for each `x`; values that are not finite break the line. */
  readonly y: readonly number[];
  /** Its colour; `student` unless given. */
  readonly role?: ChartRole;
  /** Whether the values scatter: many such values are drawn faintly under their running mean. */
  readonly noisy?: boolean;
  /** Lengths of strokes and gaps; a solid line unless given. */
  readonly dash?: readonly number[];
  /** Whether each value has a dot; false unless given. */
  readonly dots?: boolean;
}

/** Quantities over the steps of a training run, or over another quantity. */
export interface LineChart {
  readonly title: string;
  /** What it shows, in a few words. */
  readonly note?: string;
  readonly x: ChartAxis & {
    /** Labels below 0, 1, 2, … in place of numbers. */
    readonly labels?: readonly string[];
    /** Smallest end of the axis, for a run that is still in progress; the end of the values unless given. */
    readonly to?: number;
  };
  readonly y: ChartAxis & {
    /** Whether a linear axis starts at 0; true unless given. */
    readonly zero?: boolean;
  };
  readonly lines: readonly ChartLine[];
}

/** Noisy lines with more points than this are drawn under a running mean. */
const SMOOTHED_FROM = 30;

/**
 * Draws a line chart as SVG in a `figure`, with axes, their labels and, for lines that have names, a legend.
 *
 * @returns markup for a page that has `CHART_STYLE`; all text in it is escaped
 */
export function lineChart(chart: LineChart): string {
  requireKnownOptions('lineChart', chart, { title: true, note: true, x: true, y: true, lines: true });
  return drawLines(chart).markup;
}

/** See {@link lineChart}. */
export function drawLines({ title, note, x, y, lines }: LineChart): Html {
  const xs = lines.flatMap((line) => line.x);
  const ys = lines.flatMap((line) => line.y);
  const { labels } = x;
  const last = (labels?.length ?? 1) - 1;
  const horizontal = labels
    ? { ticks: labels.map((_, i) => i), place: (value: number) => (last > 0 ? value / last : 0.5) }
    : x.scale === 'log'
      ? scaleOf(x, xs)
      : axisOf([0, x.to ?? NaN, ...xs], 4);
  const vertical = scaleOf(y, y.scale === 'log' || y.zero === false ? ys : [0, ...ys]);
  const xOf = (value: number): number => between(horizontal.place(value), PLOT.left, PLOT.right);
  const yOf = (value: number): number => between(vertical.place(value), PLOT.bottom, PLOT.top);
  const ticks = horizontal.ticks.map((tick, i) => ({ x: xOf(tick), label: labels?.[i] ?? numberText(tick) }));
  const draw = (line: ChartLine): Html => {
    const { role = 'student', noisy = false, dash, dots = false } = line;
    const pathOf = (values: readonly number[]): string => linePath(line.x.map(xOf), values.map(yOf));
    const smooth = noisy && line.y.length > SMOOTHED_FROM;
    const kind = smooth ? 'raw' : 'line';
    return html`<path
        class="${kind} ${role}"
        ${dash && html`stroke-dasharray="${dash.join(' ')}"`}
        d="${pathOf(line.y)}"
      />${smooth && html`<path class="line ${role}" d="${pathOf(runningMean(line.y))}" />`}${dots && dotsOf(line, role)}`;
  };
  const dotsOf = ({ name, x: places, y: values }: ChartLine, role: ChartRole): Html[] =>
    places.flatMap((place, i) => {
      const [cx, cy] = [xOf(place), yOf(values[i]!)];
      if (!Number.isFinite(cx + cy)) return [];
      const at = labels?.[place] ?? numberText(place);
      return html`<circle class="${role}" cx="${cx}" cy="${cy}" r="3">
        <title>${name === undefined ? '' : `${name}, `}${x.label} ${at}: ${numberText(values[i]!)}</title>
      </circle>`;
    });
  const keys = lines.flatMap(({ name, role = 'student', dash }) =>
    name === undefined ? [] : [{ name, role, ...(dash === undefined ? {} : { dash }) }],
  );
  return chartFigure(
    { title, ...(note === undefined ? {} : { note }) },
    `${title}: ${y.label} over ${x.label}`,
    keys,
    html`${verticalAxis(vertical, y)}${horizontalAxis(ticks, x.label)}${lines.map(draw)}`,
  );
}

/** Mean of each value and its neighbours, over a twentieth of the line. */
function runningMean(values: readonly number[]): number[] {
  const reach = Math.ceil(values.length / 40);
  return values.map((_, i) => {
    const near = values.slice(Math.max(i - reach, 0), i + reach + 1).filter(Number.isFinite);
    return near.reduce((sum, value) => sum + value, 0) / near.length;
  });
}

function linePath(xs: readonly number[], ys: readonly number[]): string {
  let path = '';
  let drawing = false;
  xs.forEach((x, i) => {
    const y = ys[i]!;
    const shown = Number.isFinite(x) && Number.isFinite(y);
    if (shown) path += `${drawing ? 'L' : 'M'}${x} ${y}`;
    drawing = shown;
  });
  return path;
}

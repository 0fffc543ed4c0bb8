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
import { html, type Html } from './html.js';
import { numberText } from './words.js';

/** Groups of values side by side. */
export interface BarChart {
  readonly title: string;
  /** What it shows, in a few words. */
  readonly note?: string;
  readonly x: Pick<ChartAxis, 'label'>;
  readonly y: ChartAxis;
  /** What each bar of a group stands for. */
  readonly bars: readonly { readonly name: string; readonly role: ChartRole }[];
  /** The groups from left to right, each with a value for each of `bars`, at least 0; one that is not finite has no bar. */
  readonly groups: readonly { readonly label: string; readonly values: readonly number[] }[];
}

/**
 * Draws a bar chart as SVG in a `figure`, with axes, their labels, a legend and the value of each bar.
 *
 * @returns markup for a page that has `CHART_STYLE`; all text in it is escaped
 */
export function barChart(chart: BarChart): string {
  requireKnownOptions('barChart', chart, { title: true, note: true, x: true, y: true, bars: true, groups: true });
  return drawBars(chart).markup;
}

/** See {@link barChart}. */
export function drawBars({ title, note, x, y, bars, groups }: BarChart): Html {
  const values = groups.flatMap((group) => group.values);
  const vertical = scaleOf(y, y.scale === 'log' ? values : [0, ...values]);
  const pitch = (PLOT.right - PLOT.left) / groups.length;
  const width = Number(Math.min(36, (pitch - 6) / bars.length).toFixed(2));
  const middle = (i: number): number => between((i + 0.5) / groups.length, PLOT.left, PLOT.right);
  const bar = (value: number, i: number, group: number): Html => {
    if (!Number.isFinite(vertical.place(value))) return html``;
    const top = between(vertical.place(value), PLOT.bottom, PLOT.top);
    const left = Number((middle(group) + (i - bars.length / 2) * width).toFixed(2));
    return html`<rect
      class="${bars[i]!.role}"
      x="${left}"
      y="${top}"
      width="${width - 1}"
      height="${Number((PLOT.bottom - top).toFixed(2))}"
      rx="1.5"
    >
      <title>${bars[i]!.name}, ${groups[group]!.label}: ${numberText(value)}</title>
    </rect>`;
  };
  return chartFigure(
    { title, ...(note === undefined ? {} : { note }) },
    `${title}: ${y.label} by ${x.label}`,
    bars,
    html`${verticalAxis(vertical, y)}${horizontalAxis(
      groups.map(({ label }, i) => ({ x: middle(i), label })),
      x.label,
    )}${groups.flatMap((group, i) => group.values.map((value, j) => bar(value, j, i)))}`,
  );
}

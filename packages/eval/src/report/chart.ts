import { axisOf, logAxisOf, type Axis } from './axis.js';
import { html, type Html } from './html.js';
import { numberText } from './words.js';

/** Whose numbers are shown, which decides the colour. */
export type ChartRole = 'student' | 'teacher';

/** An axis of a chart. */
export interface ChartAxis {
  /** What it measures, with its unit. */
  readonly label: string;
  /** `linear` unless given. Values that are not positive are not drawn on a logarithmic axis. */
  readonly scale?: 'linear' | 'log';
}

/** Names of the colours of the things that charts show. */
export interface Key {
  readonly name: string;
  readonly role: ChartRole;
  readonly dash?: readonly number[];
}

/** The area in which a chart is drawn, in units of its view box. */
export const SIZE = { width: 320, height: 210 };
const MARGIN = { left: 42, right: 10, top: 22, bottom: 38 };
/** The height within which axis labels and tick labels are drawn. */
export const PLOT = {
  left: MARGIN.left,
  right: SIZE.width - MARGIN.right,
  top: MARGIN.top,
  bottom: SIZE.height - MARGIN.bottom,
};

/** The scale of an axis. */
export function scaleOf({ scale = 'linear' }: ChartAxis, values: readonly number[]): Axis {
  return scale === 'log' ? logAxisOf(values, 4) : axisOf(values, 4);
}

/** A position in the view box, with two decimals. */
export function between(share: number, from: number, to: number): number {
  return Number((from + share * (to - from)).toFixed(2));
}

/** Lines of the grid with their numbers, and above them what the axis measures. */
export function verticalAxis(axis: Axis, { label }: ChartAxis): Html {
  const ticks = axis.ticks.map((tick) => {
    const y = between(axis.place(tick), PLOT.bottom, PLOT.top);
    return html`<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${y}" y2="${y}" />
      <text x="${PLOT.left - 6}" y="${y + 3.5}" text-anchor="end">${numberText(tick)}</text>`;
  });
  return html`${ticks}<text class="axis" x="2" y="10">${label}</text>`;
}

/** Labels at their places below the chart, and below them what the axis measures. */
export function horizontalAxis(ticks: readonly { readonly x: number; readonly label: string }[], label: string): Html {
  return html`${ticks.map(
      (tick) => html`<text x="${tick.x}" y="${PLOT.bottom + 15}" text-anchor="middle">${tick.label}</text>`,
    )}<text class="axis" x="${(PLOT.left + PLOT.right) / 2}" y="${SIZE.height - 6}" text-anchor="middle"
      >${label}</text
    >`;
}

/** A chart with its caption, and the names of what it shows if there are several. */
export function chartFigure(
  { title, note }: { readonly title: string; readonly note?: string },
  description: string,
  keys: readonly Key[],
  drawing: Html,
): Html {
  const legend = html`<p class="keys">
    ${keys.map(({ name, role, dash }) => html`<span>${swatch(role, dash)}${name}</span>`)}
  </p>`;
  return html`<figure class="chart">
    <figcaption><strong>${title}</strong> ${note}</figcaption>
    ${keys.length > 0 && legend}
    <svg viewBox="0 0 ${SIZE.width} ${SIZE.height}" role="img" aria-label="${description}">${drawing}</svg>
  </figure>`;
}

function swatch(role: ChartRole, dash: readonly number[] | undefined): Html {
  if (dash === undefined) return html`<span class="key ${role}"></span>`;
  return html`<svg class="key" viewBox="0 0 22 10" aria-hidden="true">
    <path class="line ${role}" stroke-dasharray="${dash.join(' ')}" d="M0 5L22 5" />
  </svg>`;
}

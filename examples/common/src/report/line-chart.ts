import { axisOf, shortNumber, type Axis } from './axis.js';
import { html, type Html } from './html.js';

/** A quantity over the steps of a training run. */
export interface Curve {
  readonly title: string;
  /** What the curve shows, in a few words. */
  readonly note: string;
  readonly steps: readonly number[];
  /** One value for each step; those that are not finite break the line. */
  readonly values: readonly number[];
  /** Whether the values scatter; many such values are drawn faintly under their running mean. */
  readonly noisy: boolean;
}

const WIDTH = 360;
const HEIGHT = 200;
const MARGIN = { left: 46, right: 12, top: 10, bottom: 26 };
/** Noisy curves with more points than this are drawn under a running mean. */
const SMOOTHED_FROM = 30;

/** A curve as an SVG line chart; its colours come from the page's style sheet. */
export function lineChart({ title, note, steps, values, noisy }: Curve): Html {
  const horizontal = axisOf([0, ...steps], 4);
  const vertical = axisOf([0, ...values], 4);
  const x = (step: number): number => scale(step, horizontal, MARGIN.left, WIDTH - MARGIN.right);
  const y = (value: number): number => scale(value, vertical, HEIGHT - MARGIN.bottom, MARGIN.top);
  const smooth = noisy && values.length > SMOOTHED_FROM;
  const path = (of: readonly number[]): string => linePath(steps.map(x), of.map(y));
  return html`<figure class="chart">
    <figcaption><strong>${title}</strong> ${note}</figcaption>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title} over the training steps">
      ${vertical.ticks.map(
        (tick) =>
          html`<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(tick)}" y2="${y(tick)}" />
            <text x="${MARGIN.left - 6}" y="${y(tick) + 3.5}" text-anchor="end">${shortNumber(tick)}</text>`,
      )}
      ${horizontal.ticks.map(
        (tick) => html`<text x="${x(tick)}" y="${HEIGHT - 8}" text-anchor="middle">${shortNumber(tick)}</text>`,
      )}
      <path class="${smooth ? 'raw' : 'line'}" d="${path(values)}" />
      ${smooth && html`<path class="line" d="${path(runningMean(values))}" />`}
    </svg>
  </figure>`;
}

/** Mean of each value and its neighbours, over a twentieth of the curve. */
function runningMean(values: readonly number[]): number[] {
  const reach = Math.ceil(values.length / 40);
  return values.map((_, i) => {
    const near = values.slice(Math.max(i - reach, 0), i + reach + 1).filter(Number.isFinite);
    return near.reduce((sum, value) => sum + value, 0) / near.length;
  });
}

function scale(value: number, { low, high }: Axis, from: number, to: number): number {
  return Number((from + ((value - low) / (high - low)) * (to - from)).toFixed(2));
}

function linePath(xs: readonly number[], ys: readonly number[]): string {
  let path = '';
  let drawing = false;
  xs.forEach((x, i) => {
    const y = ys[i]!;
    if (Number.isFinite(y)) path += `${drawing ? 'L' : 'M'}${x} ${y}`;
    drawing = Number.isFinite(y);
  });
  return path;
}

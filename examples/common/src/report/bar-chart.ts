import { axisOf, shortNumber } from './axis.js';
import { html, type Html } from './html.js';

/** Two values side by side. */
export interface BarPair {
  readonly label: string;
  readonly teacher: number;
  readonly student: number;
}

const WIDTH = 460;
const HEIGHT = 250;
const MARGIN = { left: 40, right: 4, top: 18, bottom: 26 };
const BAR = 36;

/** Teacher and student as pairs of bars, each with its value; colours come from the page's style sheet. */
export function barChart(title: string, pairs: readonly BarPair[]): Html {
  const { high, ticks } = axisOf([0, ...pairs.flatMap(({ teacher, student }) => [teacher, student])], 4);
  const bottom = HEIGHT - MARGIN.bottom;
  const y = (value: number): number => bottom - (Math.min(value, high) / high) * (bottom - MARGIN.top);
  const pitch = (WIDTH - MARGIN.left - MARGIN.right) / pairs.length;
  const bar = (kind: 'teacher' | 'student', value: number, x: number): Html =>
    html` <rect class="${kind}" x="${x}" y="${y(value)}" width="${BAR}" height="${bottom - y(value)}" rx="2" />
      <text class="value" x="${x + BAR / 2}" y="${y(value) - 5}" text-anchor="middle">${value.toFixed(3)}</text>`;
  return html`<svg class="bars" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">
    ${ticks.map(
      (tick) =>
        html`<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(tick)}" y2="${y(tick)}" />
          <text x="${MARGIN.left - 6}" y="${y(tick) + 3.5}" text-anchor="end">${shortNumber(tick)}</text>`,
    )}
    ${pairs.map(({ label, teacher, student }, i) => {
      const middle = MARGIN.left + (i + 0.5) * pitch;
      return html`${bar('teacher', teacher, middle - BAR - 2)}${bar('student', student, middle + 2)}
        <text x="${middle}" y="${HEIGHT - 8}" text-anchor="middle">${label}</text>`;
    })}
  </svg>`;
}

/** A line of a {@link LinePanel}. */
export interface PanelLine {
  readonly name: string;
  /** One value for each number of steps; those that are not finite and positive break the line. */
  readonly values: readonly number[];
  /** A CSS colour. */
  readonly colour: string;
  /** Lengths of strokes and gaps; a solid line unless given. */
  readonly dash?: string;
}

/** A chart of a quantity over numbers of steps, both logarithmic. */
export interface LinePanel {
  readonly title: string;
  /** Numbers of steps, ascending. */
  readonly steps: readonly number[];
  readonly lines: readonly PanelLine[];
}

const WIDTH = 380;
const PLOT = { left: 46, right: WIDTH - 12, top: 44, bottom: 250 };
/** Height of a line of the legend. */
const KEY = 15;
const FONT = 'font-family="system-ui, sans-serif"';

/**
 * Charts side by side as an SVG file, each with a legend below it.
 *
 * @param quantity what is shown, with its unit
 * @param columns charts in a row
 */
export function linePanels(panels: readonly LinePanel[], quantity: string, columns: number): string {
  const keys = Math.max(...panels.map(({ lines }) => lines.length));
  const height = PLOT.bottom + 44 + KEY * keys;
  const rows = Math.ceil(panels.length / columns);
  const parts = panels.map((panel, i) => {
    const [x, y] = [(i % columns) * WIDTH, Math.floor(i / columns) * height];
    return `<g transform="translate(${x} ${y})">${drawn(panel, quantity)}</g>`;
  });
  const size = [columns * WIDTH, rows * height];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.join(' ')}" width="${size[0]}" height="${size[1]}" ${FONT}>`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function drawn({ title, steps, lines }: LinePanel, quantity: string): string {
  const shown = lines.flatMap(({ values }) => values).filter((value) => Number.isFinite(value) && value > 0);
  const [low, high] = [Math.floor(Math.log10(Math.min(...shown))), Math.ceil(Math.log10(Math.max(...shown)))];
  const xOf = (count: number): number => place(Math.log(count / steps[0]!) / Math.log(steps.at(-1)! / steps[0]!), PLOT.left + 8, PLOT.right - 8); // prettier-ignore
  const yOf = (value: number): number => place((Math.log10(value) - low) / Math.max(1, high - low), PLOT.bottom, PLOT.top); // prettier-ignore
  const text = (x: number, y: number, anchor: string, words: string, more = 'fill="#6d6a65" font-size="11"'): string =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}" ${more}>${escaped(words)}</text>`;
  const grid = Array.from({ length: Math.max(1, high - low) + 1 }, (_, i) => {
    const y = yOf(10 ** (low + i));
    const tick = String(Number(`1e${low + i}`));
    return `<path d="M${PLOT.left} ${y}H${PLOT.right}" stroke="#e4e1db"/>${text(PLOT.left - 6, y + 4, 'end', tick)}`;
  });
  const ticks = steps.map((count) => text(xOf(count), PLOT.bottom + 15, 'middle', String(count)));
  const drawnLines = lines.map(({ values, colour, dash }) => {
    const points = values.map((value, i) => ({
      x: xOf(steps[i]!),
      y: yOf(value),
      isShown: Number.isFinite(value) && value > 0,
    }));
    const path = points.map(({ x, y, isShown }, i) =>
      isShown ? `${points[i - 1]?.isShown ? 'L' : 'M'}${x} ${y}` : '',
    );
    const stroke = `fill="none" stroke="${colour}" stroke-width="1.8"${dash === undefined ? '' : ` stroke-dasharray="${dash}"`}`;
    const dots = points
      .filter(({ isShown }) => isShown)
      .map(({ x, y }) => `<circle cx="${x}" cy="${y}" r="2.2" fill="${colour}"/>`);
    return `<path d="${path.join('')}" ${stroke}/>${dots.join('')}`;
  });
  const legend = lines.map(({ name, colour, dash }, i) => {
    const y = PLOT.bottom + 44 + KEY * i;
    const stroke = `stroke="${colour}" stroke-width="2"${dash === undefined ? '' : ` stroke-dasharray="${dash}"`}`;
    return `<path d="M${PLOT.left} ${y - 4}h26" ${stroke}/>${text(PLOT.left + 34, y, 'start', name, 'fill="#1d1c1a" font-size="11"')}`;
  });
  return [
    text(PLOT.left - 38, 16, 'start', title, 'fill="#1d1c1a" font-size="13" font-weight="600"'),
    text(PLOT.left - 38, 29, 'start', quantity),
    ...grid,
    ...ticks,
    text((PLOT.left + PLOT.right) / 2, PLOT.bottom + 29, 'middle', 'steps'),
    ...drawnLines,
    ...legend,
  ].join('');
}

function place(share: number, from: number, to: number): number {
  return Number((from + share * (to - from)).toFixed(2));
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

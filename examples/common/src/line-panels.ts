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
  const shown = lines.flatMap(({ values }) => values).filter(isShown);
  const low = Math.floor(Math.log10(Math.min(...shown)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...shown))));
  const ends = [steps[0]!, steps.at(-1)!] as const;
  const xOf = (count: number): number => {
    const share = ends[0] === ends[1] ? 0.5 : Math.log(count / ends[0]) / Math.log(ends[1] / ends[0]);
    return place(share, PLOT.left + 8, PLOT.right - 8);
  };
  const yOf = (value: number): number => place((Math.log10(value) - low) / (high - low), PLOT.bottom, PLOT.top);
  const grid = Array.from({ length: high - low + 1 }, (_, i) => {
    const y = yOf(10 ** (low + i));
    const tick = text(PLOT.left - 6, y + 4, 'end', String(Number(`1e${low + i}`)));
    return `<path d="M${PLOT.left} ${y}H${PLOT.right}" stroke="#e4e1db"/>${tick}`;
  });
  const ticks = steps.map((count) => text(xOf(count), PLOT.bottom + 15, 'middle', String(count)));
  const legend = lines.map((line, i) => {
    const y = PLOT.bottom + 44 + KEY * i;
    const stroke = `<path d="M${PLOT.left} ${y - 4}h26" ${strokeOf(line)}/>`;
    return `${stroke}${text(PLOT.left + 34, y, 'start', line.name, DARK)}`;
  });
  return [
    text(PLOT.left - 38, 16, 'start', title, 'fill="#1d1c1a" font-size="13" font-weight="600"'),
    text(PLOT.left - 38, 31, 'start', quantity),
    ...grid,
    ...ticks,
    text((PLOT.left + PLOT.right) / 2, PLOT.bottom + 29, 'middle', 'steps'),
    ...lines.map((line) => lineOf(line, steps, xOf, yOf)),
    ...legend,
  ].join('');
}

/** A line with a dot at each value. */
function lineOf(
  line: PanelLine,
  steps: readonly number[],
  xOf: (count: number) => number,
  yOf: (value: number) => number,
): string {
  const { values, colour } = line;
  const parts = values.map((value, i) => {
    if (!isShown(value)) return { path: '', dot: '' };
    const [x, y] = [xOf(steps[i]!), yOf(value)];
    const move = isShown(values[i - 1] ?? NaN) ? 'L' : 'M';
    return { path: `${move}${x} ${y}`, dot: `<circle cx="${x}" cy="${y}" r="2.2" fill="${colour}"/>` };
  });
  const path = parts.map((part) => part.path).join('');
  return `<path d="${path}" fill="none" ${strokeOf(line)}/>${parts.map(({ dot }) => dot).join('')}`;
}

function strokeOf({ colour, dash }: PanelLine): string {
  const dashes = dash === undefined ? '' : ` stroke-dasharray="${dash}"`;
  return `stroke="${colour}" stroke-width="1.8"${dashes}`;
}

const DARK = 'fill="#1d1c1a" font-size="11"';
const SOFT = 'fill="#6d6a65" font-size="11"';

function text(x: number, y: number, anchor: string, words: string, look = SOFT): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" ${look}>${escaped(words)}</text>`;
}

function isShown(value: number): boolean {
  return Number.isFinite(value) && value > 0;
}

function place(share: number, from: number, to: number): number {
  return Number((from + share * (to - from)).toFixed(2));
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

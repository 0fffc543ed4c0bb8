import { sheetOf } from './canvas.js';

/** A line of a chart. */
export interface Line {
  readonly points: readonly (readonly [step: number, value: number])[];
  /** Custom property that holds its colour. */
  readonly colour: string;
  /** Written at the end of the line if there are several. */
  readonly label?: string;
  readonly dash?: readonly number[];
  /** Whether to draw it faintly, with its moving average on top. */
  readonly smooth?: boolean;
}

/** Height of a line of text in pixels. */
const LINE = 12;
const MARGIN = { left: 34, right: 10, top: 8, bottom: 20 };

/**
 * Draws quantities as lines over the steps of a training run.
 *
 * @param steps length of the run
 */
export function drawChart(canvas: HTMLCanvasElement, lines: readonly Line[], steps: number): void {
  const sheet = sheetOf(canvas);
  if (sheet === undefined) return;
  const { context, width, height, style } = sheet;
  const right = width - MARGIN.right - (lines.some(({ label }) => label) ? 40 : 0);
  const bottom = height - MARGIN.bottom;
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value));
  const [low, high] = range(values);
  const x = (step: number): number => MARGIN.left + (step / steps) * (right - MARGIN.left);
  const y = (value: number): number => bottom - ((value - low) / (high - low)) * (bottom - MARGIN.top);

  context.font = '11px ui-sans-serif, system-ui, sans-serif';
  context.textBaseline = 'middle';
  context.fillStyle = style('--soft');
  context.strokeStyle = style('--rule');
  for (const share of [0, 0.5, 1]) {
    const value = low + share * (high - low);
    context.beginPath();
    context.moveTo(MARGIN.left, y(value));
    context.lineTo(right, y(value));
    context.stroke();
    context.textAlign = 'right';
    context.fillText(value.toFixed(2), MARGIN.left - 6, y(value));
    context.textAlign = share === 0 ? 'left' : share === 1 ? 'right' : 'center';
    context.fillText(String(Math.round(share * steps)), x(share * steps), bottom + LINE);
  }

  context.lineWidth = 1.8;
  context.lineJoin = 'round';
  context.textAlign = 'left';
  const ends: { readonly label: string; readonly colour: string; readonly x: number; readonly y: number }[] = [];
  for (const { points, colour, label, smooth, dash = [] } of lines) {
    const end = points.at(-1);
    if (end === undefined) continue;
    const draw = (curve: Line['points']): void => {
      context.beginPath();
      for (const [step, value] of curve) context.lineTo(x(step), y(value));
      context.stroke();
    };
    context.strokeStyle = style(colour);
    context.setLineDash(dash);
    if (smooth) {
      context.globalAlpha = 0.25;
      draw(points);
      context.globalAlpha = 1;
    }
    draw(smooth ? smoothed(points, steps / 30) : points);
    if (label !== undefined) ends.push({ label, colour, x: x(end[0]), y: y(end[1]) });
  }
  // Labels of lines that end close together are stacked.
  let above = bottom + LINE;
  for (const end of ends.sort((a, b) => b.y - a.y)) {
    above = Math.min(end.y, above - LINE);
    context.fillStyle = style(end.colour);
    context.fillText(end.label, end.x + 6, above);
  }
}

/** The exponential moving average over a number of steps, without bias towards the first value. */
function smoothed(points: Line['points'], width: number): Line['points'] {
  let [before, total, weight] = [0, 0, 0];
  return points.map(([step, value]) => {
    const keep = Math.exp((before - step) / width);
    [before, total, weight] = [step, keep * total + (1 - keep) * value, keep * weight + (1 - keep)];
    return [step, total / weight];
  });
}

/** Bounds of an axis: those of the values with a small margin. */
function range(values: readonly number[]): [low: number, high: number] {
  if (values.length === 0) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const gap = Math.max(0.05 * (high - low), 0.01);
  return [Math.max(0, low - gap), high + gap];
}

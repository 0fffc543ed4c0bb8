import type { Points } from './messages.js';
import { sheetOf } from './canvas.js';

/** A picture shows both coordinates from -REACH to REACH. */
const REACH = 2.4;
/** The board extends from -HALF_SIDE to HALF_SIDE in four rows and columns. */
const HALF_SIDE = Math.sqrt(3);
/** Colours around the circle of directions. */
const HUES = 36;

/**
 * Draws points of the plane over the squares that the data fills, with the second coordinate pointing up.
 *
 * @param origins where the points started; each is coloured by the direction of its origin, and without origins all are
 *   drawn in ink
 * @param board false leaves the squares out
 */
export function drawPoints(canvas: HTMLCanvasElement, points: Points, origins?: Points, board = true): void {
  const sheet = sheetOf(canvas);
  if (sheet === undefined) return;
  const { context, width, style } = sheet;
  const pixels = width / (2 * REACH);
  const side = (HALF_SIDE / 2) * pixels;
  context.fillStyle = style('--board');
  for (let column = 0; board && column < 4; column++) {
    for (let row = column % 2; row < 4; row += 2) {
      const left = (REACH - HALF_SIDE) * pixels + column * side;
      const top = (REACH + HALF_SIDE) * pixels - (row + 1) * side;
      context.fillRect(left, top, side, side);
    }
  }

  const radius = Math.max(0.8, width / 230);
  context.globalAlpha = 0.75;
  for (const [hue, members] of groups(points, origins).entries()) {
    const colour = `oklch(${style('--lightness')} 0.17 ${String((360 * hue) / HUES)})`;
    context.fillStyle = origins === undefined ? style('--soft') : colour;
    context.beginPath();
    for (const i of members) {
      const x = (REACH + points[2 * i]!) * pixels;
      const y = (REACH - points[2 * i + 1]!) * pixels;
      context.moveTo(x + radius, y);
      context.arc(x, y, radius, 0, 2 * Math.PI);
    }
    context.fill();
  }
}

/** The points of each hue. */
function groups(points: Points, origins: Points | undefined): number[][] {
  const members: number[][] = Array.from({ length: HUES }, () => []);
  for (let i = 0; 2 * i < points.length; i++) {
    const turn = origins === undefined ? 0 : Math.atan2(origins[2 * i + 1]!, origins[2 * i]!) / (2 * Math.PI);
    members[Math.floor((turn + 1) * HUES) % HUES]!.push(i);
  }
  return members;
}

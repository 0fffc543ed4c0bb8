import { encodeImageGrid } from '@flowmap/data/node';
import type { HostTensor } from '@flowmap/tensor';

/** Side of a picture in pixels, unless given. */
const SIDE = 480;
/** The picture shows both coordinates from -REACH to REACH. */
const REACH = 2.4;
/** Radius of a point, in pixels. */
const RADIUS = 1.8;
/** Darkness of one point, from 0 to 1. */
const INK = 0.55;
/** Colour of full ink: red, green, blue, 0 to 1. */
const COLOUR = [0.11, 0.16, 0.36] as const;

/** Points of the plane as a PNG; see {@link drawPoints}. */
export function scatter(points: HostTensor): Promise<Uint8Array> {
  return encodeImageGrid({ images: drawPoints(points), shape: [3, SIDE, SIDE], gap: 0 });
}

/** Several sets of points side by side as a PNG, each of so many pixels in height and width. */
export function scatterStrip(sets: readonly HostTensor[], side: number): Promise<Uint8Array> {
  const images = new Float32Array(sets.length * 3 * side * side);
  sets.forEach((points, i) => images.set(drawPoints(points, { side, radius: 0.6 }), i * 3 * side * side));
  return encodeImageGrid({ images, shape: [3, side, side], columns: sets.length, gap: 0 });
}

/**
 * Points of the plane on white: each a small translucent disc with a soft edge, so that crowded places are darker.
 *
 * @param points `[count, 2]`
 * @param options.side height and width in pixels; 480 unless given
 * @param options.radius radius of a disc in pixels; 1.8 unless given
 * @returns an image `[3, side, side]` in -1 to 1 that shows both coordinates from -2.4 to 2.4, the second one pointing up
 */
export function drawPoints(
  { data }: HostTensor,
  { side = SIDE, radius = RADIUS }: { readonly side?: number; readonly radius?: number } = {},
): Float32Array {
  const paper = new Float32Array(side * side).fill(1);
  const toPixel = (coordinate: number): number => ((coordinate + REACH) / (2 * REACH)) * side;
  for (let i = 0; i < data.length; i += 2) {
    draw(paper, side, radius, toPixel(data[i]!), toPixel(-data[i + 1]!));
  }
  const images = new Float32Array(3 * side * side);
  COLOUR.forEach((full, channel) => {
    paper.forEach((light, pixel) => {
      images[channel * side * side + pixel] = 2 * (full + (1 - full) * light) - 1;
    });
  });
  return images;
}

/** Lets a disc centred at (x, y) absorb its share of the remaining light. */
function draw(paper: Float32Array, side: number, radius: number, x: number, y: number): void {
  const reach = Math.ceil(radius + 0.5);
  for (let row = Math.floor(y) - reach; row <= Math.floor(y) + reach; row++) {
    for (let column = Math.floor(x) - reach; column <= Math.floor(x) + reach; column++) {
      if (Math.min(row, column) < 0 || Math.max(row, column) >= side) continue;
      const distance = Math.hypot(column + 0.5 - x, row + 0.5 - y);
      const cover = Math.min(1, Math.max(0, radius + 0.5 - distance));
      paper[row * side + column]! *= 1 - INK * cover;
    }
  }
}

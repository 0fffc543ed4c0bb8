import { encodeImageGrid } from '@flowmap/data/node';
import type { HostTensor } from '@flowmap/tensor';

/** Side of a picture in pixels. */
const SIDE = 480;
/** The picture shows both coordinates from -REACH to REACH. */
const REACH = 2.4;
/** Radius of a point in pixels. */
const RADIUS = 1.8;
/** Darkness of one point, from 0 to 1. */
const INK = 0.55;
/** Colour of full ink: red, green, blue, 0 to 1. */
const COLOUR = [0.11, 0.16, 0.36] as const;

/** Points of the plane as a PNG; see {@link drawPoints}. */
export function scatter(points: HostTensor): Promise<Uint8Array> {
  return encodeImageGrid({ images: drawPoints(points), shape: [3, SIDE, SIDE], gap: 0 });
}

/**
 * Points of the plane on white: each a small translucent disc with a soft edge, so that crowded places are darker.
 *
 * @param points `[count, 2]`
 * @returns an image `[3, 480, 480]` in -1 to 1 that shows both coordinates from -2.4 to 2.4, the second one pointing up
 */
export function drawPoints({ data }: HostTensor): Float32Array {
  const paper = new Float32Array(SIDE * SIDE).fill(1);
  for (let i = 0; i < data.length; i += 2) {
    draw(paper, toPixel(data[i]!), toPixel(-data[i + 1]!));
  }
  const images = new Float32Array(3 * SIDE * SIDE);
  COLOUR.forEach((full, channel) => {
    paper.forEach((light, pixel) => {
      images[channel * SIDE * SIDE + pixel] = 2 * (full + (1 - full) * light) - 1;
    });
  });
  return images;
}

function toPixel(coordinate: number): number {
  return ((coordinate + REACH) / (2 * REACH)) * SIDE;
}

/** Lets a disc centred at (x, y) absorb its share of the remaining light. */
function draw(paper: Float32Array, x: number, y: number): void {
  const reach = Math.ceil(RADIUS + 0.5);
  for (let row = Math.floor(y) - reach; row <= Math.floor(y) + reach; row++) {
    for (let column = Math.floor(x) - reach; column <= Math.floor(x) + reach; column++) {
      if (Math.min(row, column) < 0 || Math.max(row, column) >= SIDE) continue;
      const distance = Math.hypot(column + 0.5 - x, row + 0.5 - y);
      const cover = Math.min(1, Math.max(0, RADIUS + 0.5 - distance));
      paper[row * SIDE + column]! *= 1 - INK * cover;
    }
  }
}

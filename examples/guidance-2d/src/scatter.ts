import { encodeImageGrid } from '@flowmap/data/node';
import type { HostTensor } from '@flowmap/tensor';

/** Side of a panel in pixels. */
const SIDE = 480;
/** A panel shows both coordinates from -REACH to REACH. */
const REACH = 2.4;
/** Radius of a point in pixels. */
const RADIUS = 1.1;
/** Share of the remaining light that a point absorbs. */
const INK = 0.5;
/** What the points of each class absorb of red, green and blue: they look blue and orange. */
const ABSORBED = [
  [0.85, 0.55, 0.15],
  [0.1, 0.5, 0.9],
] as const;

/** Points of the plane, each with its class. */
export interface Panel {
  /** `[count, 2]` */
  readonly points: HostTensor;
  readonly labels: Int32Array;
}

/** Panels side by side as a PNG: points are small translucent discs in the colour of their class. */
export function scatter(panels: readonly Panel[]): Promise<Uint8Array> {
  const images = new Float32Array(panels.length * 3 * SIDE * SIDE);
  panels.forEach((panel, i) => images.set(drawn(panel), i * 3 * SIDE * SIDE));
  return encodeImageGrid({
    images,
    shape: [3, SIDE, SIDE],
    columns: panels.length,
    gap: 4,
    background: [200, 200, 200],
  });
}

/** An image `[3, SIDE, SIDE]` in -1 to 1, the second coordinate pointing up. */
function drawn({ points: { data }, labels }: Panel): Float32Array {
  const image = new Float32Array(3 * SIDE * SIDE).fill(1);
  labels.forEach((label, i) => disc(image, toPixel(data[2 * i]!), toPixel(-data[2 * i + 1]!), ABSORBED[label]!));
  return image.map((light) => 2 * light - 1);
}

function toPixel(coordinate: number): number {
  return ((coordinate + REACH) / (2 * REACH)) * SIDE;
}

/** Lets a disc centred at (x, y) absorb its share of the remaining light. */
function disc(image: Float32Array, x: number, y: number, absorbed: readonly [number, number, number]): void {
  const reach = Math.ceil(RADIUS + 0.5);
  for (let row = Math.floor(y) - reach; row <= Math.floor(y) + reach; row++) {
    for (let column = Math.floor(x) - reach; column <= Math.floor(x) + reach; column++) {
      if (Math.min(row, column) < 0 || Math.max(row, column) >= SIDE) continue;
      const distance = Math.hypot(column + 0.5 - x, row + 0.5 - y);
      const cover = INK * Math.min(1, Math.max(0, RADIUS + 0.5 - distance));
      absorbed.forEach((share, channel) => {
        image[(channel * SIDE + row) * SIDE + column]! *= 1 - cover * share;
      });
    }
  }
}

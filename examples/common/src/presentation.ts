import { encodeImageGrid } from '@flowmap/data/node';
import { hostTensor, sizeOf, type HostTensor } from '@flowmap/tensor';

/** How an example shows its samples. */
export interface Presentation {
  /** A picture of many samples, PNG. */
  picture(samples: HostTensor): Promise<Uint8Array>;
  /** A low picture of a few samples, PNG: rows of the report's comparison. Without it the pictures themselves are compared. */
  strip?(samples: HostTensor): Promise<Uint8Array>;
  /** Further measures of samples, by name, for `metrics.json`. */
  measure?(samples: HostTensor): Readonly<Record<string, number>>;
}

/** Images in a row of a grid. */
const COLUMNS = 12;
/** Rows of a grid without classes, or with more classes than there are rows. */
const ROWS = 10;
/** About how many pixels wide an image is shown. */
const SHOWN = 96;

/**
 * Images in a grid, a row for each class.
 *
 * @param labels class of each sample
 * @param rows class of each row; unless given the classes in order, or samples as they come when those are too many
 */
export function imageGrids(labels: Int32Array, classes: number, rows?: readonly number[]): Presentation {
  const chosen = rows ?? (classes > 0 && classes <= ROWS ? Array.from({ length: classes }, (_, i) => i) : undefined);
  const indices = chosen ? indicesByRow(labels, chosen) : Array.from({ length: COLUMNS * ROWS }, (_, i) => i);
  const height = indices.length / COLUMNS;
  // The first image of each row, then the second, until the strip is full; shown in the grid's order.
  const strip = Array.from({ length: COLUMNS }, (_, i) => (i % height) * COLUMNS + Math.floor(i / height))
    .sort((a, b) => a - b)
    .map((place) => indices[place]!);
  return {
    picture(samples) {
      const scale = Math.max(1, Math.round(SHOWN / samples.shape.at(-1)!));
      return encodeImageGrid({ ...select(samples, indices), columns: COLUMNS, scale, gap: 2 * scale });
    },
    strip: (samples) => encodeImageGrid({ ...select(samples, strip), columns: COLUMNS, scale: 1, gap: 2 }),
  };
}

/** Samples of the wanted class for each place of the grid, each sample once. */
function indicesByRow(labels: Int32Array, rows: readonly number[]): number[] {
  const left = new Map(rows.map((label) => [label, [...labels.keys()].filter((i) => labels[i] === label)]));
  return rows.flatMap((label) => left.get(label)!.splice(0, COLUMNS));
}

function select(samples: HostTensor, indices: readonly number[]): { images: Float32Array; shape: readonly number[] } {
  const shape = samples.shape.slice(1);
  const size = sizeOf(shape);
  const images = new Float32Array(indices.length * size);
  indices.forEach((from, to) => images.set(samples.data.subarray(from * size, (from + 1) * size), to * size));
  return { images, shape };
}

/** The first samples of many. */
export function firstSamples({ shape: [, ...shape], data }: HostTensor, count: number): HostTensor {
  return hostTensor([count, ...shape], data.subarray(0, count * sizeOf(shape)));
}

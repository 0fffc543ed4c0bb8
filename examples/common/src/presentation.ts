import { encodeImageGrid } from '@flowmap/data/node';
import { hostTensor, sizeOf, type HostTensor } from '@flowmap/tensor';

/** How an example shows its samples. */
export interface Presentation {
  /** A picture of many samples, PNG. */
  picture(samples: HostTensor): Promise<Uint8Array>;
  /**
   * A flat picture of a few samples, PNG: a row of the report's comparison. Without it the pictures themselves are
   * compared.
   */
  strip?(samples: HostTensor): Promise<Uint8Array>;
  /** Further measures of samples, by name, for `metrics.json`. */
  measure?(samples: HostTensor): Readonly<Record<string, number>>;
}

/** Images in a row of a grid. */
const COLUMNS = 12;
/** Rows of a grid without classes, or with more classes than there are rows. */
const ROWS = 10;
/** Approximate width in pixels at which an image is shown. */
const SHOWN = 96;

/**
 * Images in a grid with a row for each class.
 *
 * @param labels class of each sample
 * @param rows class of each row; unless given, the classes in order, or the samples as they come if there are too many
 *   classes
 */
export function imageGrids(labels: Int32Array, classes: number, rows?: readonly number[]): Presentation {
  const { grid, strip } = arrange(labels, classes, rows);
  return {
    picture(samples) {
      const scale = Math.max(1, Math.round(SHOWN / samples.shape.at(-1)!));
      return encodeImageGrid({ ...select(samples, grid), columns: COLUMNS, scale, gap: 2 * scale });
    },
    strip: (samples) => encodeImageGrid({ ...select(samples, strip), columns: COLUMNS, scale: 1, gap: 2 }),
  };
}

/**
 * The order of the samples: row by row in the grid, and in the strip, which shows the first image of each row, then the
 * second.
 */
export function arrange(
  labels: Int32Array,
  classes: number,
  rows: readonly number[] | undefined = classes > 0 && classes <= ROWS ? [...Array(classes).keys()] : undefined,
): { readonly grid: readonly number[]; readonly strip: readonly number[] } {
  const grid = rows ? samplesByRow(labels, rows) : Array.from({ length: COLUMNS * ROWS }, (_, i) => i);
  const height = grid.length / COLUMNS;
  const places = Array.from({ length: COLUMNS }, (_, i) => (i % height) * COLUMNS + Math.floor(i / height));
  return { grid, strip: places.toSorted((a, b) => a - b).map((place) => grid[place]!) };
}

/** The first samples of each row's class, each sample used once. */
function samplesByRow(labels: Int32Array, rows: readonly number[]): number[] {
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

/** The first `count` samples. */
export function firstSamples({ shape: [, ...shape], data }: HostTensor, count: number): HostTensor {
  return hostTensor([count, ...shape], data.subarray(0, count * sizeOf(shape)));
}

import { requireKnownOptions, uniforms } from '@flowmap/core';
import { checkPoint } from '../internal/checks.js';
import { distribution } from '../distribution.js';
import type { DatasetWithDensity, ToyOptions } from './density.js';

const HALF_SIDE = Math.sqrt(3); // each coordinate is uniform on ±√3: unit standard deviation
const CELLS = 4;
const CELL_SIDE = (2 * HALF_SIDE) / CELLS;

/**
 * Points distributed uniformly on the eight dark squares of a 4 × 4 checkerboard.
 *
 * Density: `1 / 6` on the dark squares (the lower left one is dark), 0 elsewhere. The board extends from −√3 to √3, so
 * each coordinate has mean 0 and standard deviation 1; their correlation is 3/16. Unconditional.
 */
export function checkerboard(options: ToyOptions = {}): DatasetWithDensity {
  requireKnownOptions('checkerboard', options, { seed: true });
  const { seed = 0 } = options;
  const { name, ...dataset } = distribution({
    name: 'checkerboard',
    dimension: 2,
    classes: [],
    seed,
    draw(key, out, at) {
      const [u, v] = uniforms(key('checkerboard'), 2);
      const column = u! * CELLS;
      const darkRow = 2 * v!; // selects one of the column's two dark squares and the position in it
      const row = 2 * Math.floor(darkRow) + (Math.floor(column) % 2) + (darkRow % 1);
      out[at] = column * CELL_SIDE - HALF_SIDE;
      out[at + 1] = row * CELL_SIDE - HALF_SIDE;
      return 0;
    },
  });
  return {
    name,
    ...dataset,
    logDensity(point) {
      checkPoint(`${name}.logDensity`, point, 2);
      const column = Math.floor((point[0]! + HALF_SIDE) / CELL_SIDE);
      const row = Math.floor((point[1]! + HALF_SIDE) / CELL_SIDE);
      const onBoard = Math.min(column, row) >= 0 && Math.max(column, row) < CELLS;
      return onBoard && (column + row) % 2 === 0 ? -Math.log(8 * CELL_SIDE ** 2) : -Infinity;
    },
  };
}

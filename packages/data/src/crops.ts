import { requireKnownOptions, uniforms, type Dataset } from '@flowmap/core';
import { badArgument, checkImageShape, checkIndices, checkInteger, checkSize } from './internal/checks.js';

/** Options of {@link withCrops}. */
export interface CropsOptions {
  /** Height and width of the crops, at most those of the images. */
  readonly size: readonly [height: number, width: number];
  /** Crops of each image, at least 1; 16 unless given. */
  readonly crops?: number;
  /** Determines their places, together with the index; 0 unless given. */
  readonly seed?: number;
}

/**
 * A dataset of crops of images at random places, all of them equally likely: index `i + k n` is crop `k` of image `i` of
 * `n`.
 *
 * The length is multiplied by the number of crops, and each of them occurs once per epoch. As with any dataset, an
 * index is always the same sample: training sees the same crops whenever it is run or resumed.
 *
 * @param dataset images that are larger than the crops, such as `imageFolder` with a larger `size`
 * @throws {ConfigError} for an invalid or unknown option, crops that are larger than the images, or a dataset that
 *   does not hold images or has no end
 */
export function withCrops(dataset: Dataset, options: CropsOptions): Dataset {
  requireKnownOptions('withCrops', options, { size: true, crops: true, seed: true });
  const { size, crops = 16, seed = 0 } = options;
  checkImageShape('withCrops', dataset.shape);
  checkSize('withCrops', size);
  checkInteger('withCrops', 'crops', crops, 1);
  checkInteger('withCrops', 'seed', seed, 0);
  const [channels, height, width] = dataset.shape;
  const [rows, columns] = size;
  if (rows > height || columns > width) {
    const wanted = `at most ${height} x ${width}, the size of the images`;
    throw badArgument('withCrops', 'size', wanted, `${rows} x ${columns}`);
  }
  const { length: count } = dataset;
  if (!Number.isFinite(count)) throw badArgument('withCrops', 'dataset', 'of finite length', String(count));
  const length = count * crops;
  const name = `${dataset.name} (${crops} crops of ${rows} x ${columns})`;
  const change = `, ${crops} crops of ${rows} x ${columns}, seed ${seed}`;
  return {
    name,
    length,
    shape: [channels, rows, columns],
    classes: dataset.classes,
    conditions: dataset.conditions,
    ...(dataset.fingerprint && { fingerprint: async () => `${await dataset.fingerprint!()}${change}` }),
    async batch(indices) {
      checkIndices(`${name}.batch`, indices, length);
      const places = Array.from(indices);
      const { x, conditions } = await dataset.batch(places.map((index) => index % count));
      const cropped = new Float32Array(places.length * channels * rows * columns);
      let at = 0;
      places.forEach((index, i) => {
        const key = { seed, purpose: 'crop', step: Math.floor(index / count), sample: index % count };
        const [down, right] = uniforms(key, 2);
        const top = Math.floor(down! * (height - rows + 1));
        const left = Math.floor(right! * (width - columns + 1));
        for (let row = 0; row < channels * rows; row++) {
          const from = ((i * channels + Math.floor(row / rows)) * height + top + (row % rows)) * width + left;
          cropped.set(x.subarray(from, from + columns), at);
          at += columns;
        }
      });
      return { x: cropped, conditions };
    },
  };
}

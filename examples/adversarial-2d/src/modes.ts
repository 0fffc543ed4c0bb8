import type { Dataset } from '@flowmap/core';
import { gaussianMixture } from '@flowmap/data';
import { features, slicedWasserstein } from '@flowmap/eval';
import { hostTensor, type HostTensor } from '@flowmap/tensor';

/** Coordinates of the modes along each axis. */
const PLACES = [-1.5, 0, 1.5];

/** The modes: round and normal, with equal shares of the data. */
export const MODES = PLACES.flatMap((x) => PLACES.map((y) => [x, y] as const));

/** Standard deviation of a mode. */
export const DEVIATION = 0.1;

/** A sample this many deviations from every mode is an outlier: one in 3,000 points of the data is. */
const FAR = 4;

/** First index of the points that samples are compared with, beyond those that are trained on. */
const HELD = 2 ** 30;

/** Nine modes on a square grid. */
export function modes(deviation: number, seed: number): Dataset {
  const equal = MODES.map(() => 1);
  return gaussianMixture({
    ...{ weights: equal, means: MODES.map((mean) => [...mean]), stds: equal.map(() => deviation) },
    ...{ classes: [], seed },
  });
}

/** What samples are like. */
export interface Judgement {
  /** Sliced Wasserstein-2 distance from as many points of the data that were not trained on. */
  readonly distance: number;
  /** Share of the samples that are more than four deviations from every mode. */
  readonly outliers: number;
  /** Samples of the least covered mode, relative to those that it should have. */
  readonly coverage: number;
}

/** Points of the data that no training sees. */
export async function heldPoints(count: number): Promise<HostTensor> {
  const { x } = await modes(DEVIATION, 0).batch(Array.from({ length: count }, (_, i) => HELD + i));
  return hostTensor([count, 2], x);
}

/**
 * Judges samples by the modes.
 *
 * @param samples `[count, 2]`
 * @param held as many points of the data
 */
export function judge(samples: HostTensor, held: HostTensor): Judgement {
  const { data } = samples;
  const count = samples.shape[0]!;
  const counts = MODES.map(() => 0);
  let outliers = 0;
  for (let i = 0; i < count; i++) {
    const distances = MODES.map(([x, y]) => Math.hypot(data[2 * i]! - x, data[2 * i + 1]! - y));
    const nearest = Math.min(...distances);
    if (nearest > FAR * DEVIATION) outliers++;
    else counts[distances.indexOf(nearest)]!++;
  }
  return {
    distance: slicedWasserstein(features(samples), features(held)).value,
    outliers: outliers / count,
    coverage: (Math.min(...counts) * MODES.length) / count,
  };
}

import type { HostTensor } from '@flowmap/tensor';
import type { Branches } from './branches.js';

/** What samples of the trees are like. */
export interface Judgement {
  /** Share of the samples that are more than four widths from every branch of their class. */
  readonly outliers: number;
  /** Number of branches that have less than a quarter of the samples that they should have. */
  readonly lost: number;
  /** Share of its expected samples that the least covered branch of each level has, averaged over the levels. */
  readonly worst: number;
  /**
   * Total variation distance between samples and data over the branches, with outliers as a further place: the share of
   * samples that would have to move.
   */
  readonly moved: number;
}

/** A sample this many widths from every branch is an outlier: one in 3,000 points of the data is. */
const FAR = 4;

/** A branch with a smaller share of the samples that it should have is lost. */
const LOST = 0.25;

/**
 * Judges samples by the branches nearest to them.
 *
 * @param samples `[count, 2]`
 * @param labels class of each sample, the classes in equal numbers
 */
export function judge(data: Branches, { data: points }: HostTensor, labels: Int32Array): Judgement {
  const counts = new Float64Array(data.branches.length);
  let outliers = 0;
  labels.forEach((label, i) => {
    const { index, widths } = data.nearest(label, points[2 * i]!, points[2 * i + 1]!);
    if (widths <= FAR) counts[index]!++;
    else outliers++;
  });
  const { length: count } = labels;
  const wanted = data.branches.map(({ share }) => (share * count) / data.classes.length);
  const coverage = wanted.map((expected, i) => counts[i]! / expected);
  const shares = [...new Set(data.branches.map(({ share }) => share))];
  const least = shares.map((share) => {
    return Math.min(1, ...coverage.filter((_, i) => data.branches[i]!.share === share));
  });
  const differences = wanted.reduce((sum, expected, i) => sum + Math.abs(counts[i]! - expected), outliers);
  return {
    outliers: outliers / count,
    lost: coverage.filter((value) => value < LOST).length,
    worst: least.reduce((sum, value) => sum + value, 0) / least.length,
    moved: differences / 2 / count,
  };
}

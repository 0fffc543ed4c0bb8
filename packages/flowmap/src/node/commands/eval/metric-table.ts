import type { FeatureOutput } from './extractor.js';
import type { Results } from './results.js';
import type { Measured } from './samples.js';

/** Name of a metric on the command line. */
export type Metric =
  'frechet' | 'kernel' | 'pr' | 'dc' | 'mind' | 'fd-infinity' | 'fid' | 'kid' | 'sfid' | 'is' | 'clip-score';

/** What a metric is measured of. */
interface MetricEntry {
  /** The features on which it is computed. */
  readonly output: FeatureOutput;
  /** Sides of which it needs the features, not only their moments. */
  readonly features: readonly ('generated' | 'reference')[];
  /** Number of samples that it needs on each side; the size of a subset unless given. */
  readonly least?: number;
  /** Whether it compares with nothing, or with captions; false unless given. */
  readonly hasNoReference?: boolean;
  /** Whether its name belongs to the Inception network of 2015. */
  readonly isInceptions?: boolean;
}

/** The Inception network of 2015 in protocols. */
const INCEPTION = 'inception-2015-12-05';

const both: MetricEntry['features'] = ['generated', 'reference'];

/** The metrics by their names on the command line. */
export const METRICS: Readonly<Record<Metric, MetricEntry>> = {
  frechet: { least: 2, output: 'pool', features: [] },
  kernel: { output: 'pool', features: both },
  pr: { least: 4, output: 'pool', features: both },
  dc: { least: 6, output: 'pool', features: both },
  mind: { least: 1, output: 'pool', features: both },
  'fd-infinity': { least: 20, output: 'pool', features: ['generated'] },
  fid: { least: 2, output: 'pool', features: [], isInceptions: true },
  kid: { output: 'pool', features: both, isInceptions: true },
  sfid: { least: 2, output: 'spatial', features: [], isInceptions: true },
  is: { least: 10, output: 'probabilities', features: ['generated'], hasNoReference: true, isInceptions: true },
  'clip-score': { least: 1, output: 'clip', features: ['generated'], hasNoReference: true },
};

/** What metrics with random draws depend on. */
export interface MetricSettings {
  readonly subsetSize: number;
  readonly seed: number;
}

/**
 * The values of a metric, by name.
 *
 * @param reference undefined for a metric without one; for the CLIP score the features of the captions
 * @throws {ProtocolError} for a metric defined on Inception and features of another network
 */
export async function measuredBy(
  metric: Metric,
  generated: Measured,
  reference: Partial<Measured> | undefined,
  { subsetSize, seed }: MetricSettings,
): Promise<Results> {
  const evaluation = await import('@flowmap/eval');
  const {
    clipScore,
    densityCoverage,
    fdInfinity,
    frechetDistance,
    inceptionScore,
    kernelDistance,
    mind,
    precisionRecall,
  } = evaluation;
  const { output, isInceptions = false } = METRICS[metric];
  const { extractor } = generated.moments.source;
  const inception = output === 'pool' ? INCEPTION : `${INCEPTION}/${output}`;
  if (isInceptions && extractor !== inception) {
    const fault = `wanted features of ${inception}, got those of ${extractor}; their distance is \`--metrics frechet\``;
    throw new evaluation.ProtocolError(metric, ['extractor'], fault);
  }
  const [a, b] = [generated.features!, reference?.features];
  const distance = (name?: string): Results[string] =>
    frechetDistance(generated.moments, reference!.moments!, name === undefined ? {} : { name });
  const values: Record<Metric, () => Results> = {
    frechet: () => ({ 'frechet-distance': distance() }),
    kernel: () => ({ 'kernel-distance': kernelDistance(a, b!, { subsetSize, seed }) }),
    pr: () => ({ ...precisionRecall(a, b!) }),
    dc: () => ({ ...densityCoverage(a, b!) }),
    mind: () => ({ mind: mind(a, b!, { seed }) }),
    'fd-infinity': () => ({ 'fd-infinity': fdInfinity(a, reference!.moments!, { seed }) }),
    fid: () => ({ fid: distance() }),
    kid: () => ({ kid: kernelDistance(a, b!, { subsetSize, seed }) }),
    sfid: () => ({ sfid: distance('sfid') }),
    is: () => ({ 'inception-score': inceptionScore(a) }),
    'clip-score': () => ({ 'clip-score': clipScore(a, b!) }),
  };
  return values[metric]();
}

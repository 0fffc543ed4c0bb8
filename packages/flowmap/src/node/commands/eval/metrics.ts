import { choices, pathOr, requiredPath, whole, type Config } from '../../command-line/options.js';
import { answering, type Answer, type Talk } from '../command.js';
import { EXTRACTOR_OPTIONS, featureNetwork, type ExtractorName, type READING_OPTIONS } from './extractor.js';
import { METRICS, measuredBy, type Metric, type MetricSettings } from './metric-table.js';
import { resultLines, writeResults, type Results } from './results.js';
import { openSamples, type Measured, type Samples } from './samples.js';

/** Options of metrics that do not depend on which ones they are. */
export const MEASURING_OPTIONS = {
  npzCount: whole('number of samples that a .npz reference was made of', null, 2),
  out: pathOr('where to keep the values with their protocols, for `flowmap eval compare`', 'FILE', null),
};

const METRICS_OPTIONS = {
  generated: requiredPath('folder of generated images, or for frechet, fid and sfid a file of statistics', 'DIR'),
  reference: pathOr(
    'folder of real images, or for frechet, fid, sfid and fd-infinity a file of statistics, .safetensors or .npz; is needs none',
    'DIR',
    null,
  ),
  metrics: choices(
    'what to measure: frechet, kernel, pr (precision and recall), dc (density and coverage), mind, fd-infinity of any network; fid, kid, sfid, is (Inception score) of inception',
    Object.keys(METRICS) as Metric[],
    ['frechet'],
  ),
  subsetSize: whole('samples in a subset of the kernel distance', 1000, 2),
  seed: whole('decides the subsets of kernel, kid and fd-infinity, and the directions of mind', 0, 0),
  ...EXTRACTOR_OPTIONS,
  ...MEASURING_OPTIONS,
};

/** `flowmap eval metrics`: compares generated images with real ones. */
export const metrics = answering({
  name: 'flowmap eval metrics',
  description: 'Compares generated images with real ones, and says with every value how it was measured.',
  options: METRICS_OPTIONS,
  resumes: false,
  run: (config, talk) => measureImages(config, talk),
});

/** What is measured, of what, and how. */
interface Measurement extends Config<typeof READING_OPTIONS>, Config<typeof MEASURING_OPTIONS>, MetricSettings {
  readonly generated: string;
  readonly reference: string | null;
  readonly metrics: readonly Metric[];
  readonly extractor: ExtractorName | null;
}

/**
 * Measures images, shows the values with their protocols and keeps them if that is wanted.
 *
 * @throws {ConfigError} for metrics that do not go with the extractor, or with statistics in place of images
 */
export async function measureImages(config: Measurement, talk: Talk): Promise<Answer> {
  const { signal } = talk;
  const extractor = await extractorFor(config);
  const needed = config.reference ?? (await referenceless(config.metrics));
  const generated = await openSamples(config.generated, config, signal);
  const reference = needed === null ? undefined : await openSamples(needed, config, signal);
  await requireImages('--generated', config.generated, generated, config.metrics, 'generated');
  if (needed !== null) await requireImages('--reference', needed, reference!, config.metrics, 'reference');

  await requireEnough(config, generated, 'generated');
  if (reference !== undefined) await requireEnough(config, reference, 'reference');

  const most = Math.max(generated.images, reference?.images ?? 0);
  const values: Record<string, Results> = {};
  const unreadable: Record<string, readonly string[]> = {};
  for (const output of ['pool', 'spatial', 'probabilities'] as const) {
    const wanted = config.metrics.filter((metric) => METRICS[metric].output === output);
    if (wanted.length === 0) continue;
    const network = featureNetwork(config, { extractor, output, most }, signal);
    const measure = async (samples: Samples, side: 'generated' | 'reference'): Promise<Measured> => {
      const keep = wanted.some((metric) => METRICS[metric].features.includes(side));
      const measured = await samples.measure(network.open, keep, talk);
      unreadable[side] = measured.unreadable;
      return measured;
    };
    try {
      const own = await measure(generated, 'generated');
      const other = output === 'probabilities' ? undefined : await measure(reference!, 'reference');
      for (const metric of wanted) values[metric] = await measuredBy(metric, own, other, config);
    } finally {
      await network.close();
    }
  }
  for (const [side, messages] of Object.entries(unreadable)) noteUnreadable(side, messages, talk);
  const results = Object.assign({}, ...config.metrics.map((metric) => values[metric])) as Results;
  for (const line of await resultLines(results)) talk.print(line);
  if (config.out !== null) await writeResults(config.out, results);
  const byName = Object.fromEntries(Object.entries(results).map(([name, { value }]) => [name, value]));
  const [value, ...more] = Object.values(byName);
  return { ...(more.length === 0 ? { value } : {}), values: byName, results, unreadable };
}

/** The network that was chosen, or that the metrics need. */
async function extractorFor({ metrics: wanted, extractor }: Measurement): Promise<ExtractorName> {
  const bound = wanted.filter((metric) => METRICS[metric].isInceptions);
  if (bound.length === 0) return extractor ?? 'efficientnet-lite0';
  if (extractor === null || extractor === 'inception') return 'inception';
  const { ConfigError } = await import('@flowmap/core');
  throw new ConfigError(
    '--extractor',
    `${bound.join(', ')} are of inception, got ${extractor}; the distances of other networks are frechet and kernel`,
  );
}

/** Null if no metric needs a reference. */
async function referenceless(wanted: readonly Metric[]): Promise<null> {
  const others = wanted.filter((metric) => METRICS[metric].output !== 'probabilities');
  if (others.length === 0) return null;
  const { ConfigError } = await import('@flowmap/core');
  throw new ConfigError('--reference', `${others.join(', ')} need a reference; give a folder or a file of statistics`);
}

async function requireImages(
  option: string,
  path: string,
  { images }: Samples,
  wanted: readonly Metric[],
  side: 'generated' | 'reference',
): Promise<void> {
  const needing = wanted.filter((metric) => METRICS[metric].features.includes(side));
  if (images > 0 || needing.length === 0) return;
  const { ConfigError } = await import('@flowmap/core');
  throw new ConfigError(option, `${needing.join(', ')} need images, and ${path} has statistics; give a folder`);
}

/** Throws before any image is read if a folder has fewer than a metric needs. */
async function requireEnough(
  { metrics: wanted, subsetSize }: Pick<Measurement, 'metrics' | 'subsetSize'>,
  { images }: Samples,
  side: 'generated' | 'reference',
): Promise<void> {
  for (const metric of images === 0 ? [] : wanted) {
    const { least = subsetSize } = METRICS[metric];
    if (images >= (side === 'reference' && metric === 'fd-infinity' ? 2 : least)) continue;
    const { TooFewSamplesError } = await import('@flowmap/eval');
    throw new TooFewSamplesError(metric, least, images, side);
  }
}

/** Says how many images of a folder were left out. */
export function noteUnreadable(what: string, unreadable: readonly string[], { note }: Talk): void {
  if (unreadable.length > 0) note(`${what}: ${unreadable.length} images could not be read: ${unreadable[0]!}, …`);
}

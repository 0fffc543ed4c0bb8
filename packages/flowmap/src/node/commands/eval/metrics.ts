import { extname } from 'node:path';
import { choice, choices, optionName, pathOr, requiredPath, whole, type Config } from '../../command-line/options.js';
import { answering, type Answer, type Talk } from '../command.js';
import { captionFeatures, readCaptions, type Captions } from './captions.js';
import {
  clipNetwork,
  EXTRACTOR_OPTIONS,
  featureNetwork,
  named,
  requireInception,
  together,
  type ExtractorName,
  type FeatureOutput,
  type OpenClip,
  type Opening,
  type OpenNetworks,
  type READING_OPTIONS,
} from './extractor.js';
import { METRICS, measuredBy, type Metric, type MetricSettings } from './metric-table.js';
import { resultLines, writeResults, type Results } from './results.js';
import { openSamples, type Measured, type Samples, type Wanted } from './samples.js';

/** Options that all metrics share. */
export const MEASURING_OPTIONS = {
  npzCount: whole('number of samples that a .npz reference was made of', null, 2),
  out: pathOr('where to keep the values with their protocols, for `flowmap eval compare`', 'FILE', null),
};

const METRICS_OPTIONS = {
  generated: requiredPath('folder of generated images, or for frechet, fid and sfid a file of statistics', 'DIR'),
  reference: pathOr(
    'folder of real images, or for frechet, fid, sfid and fd-infinity a file of statistics, .safetensors or .npz; is and clip-score need none',
    'DIR',
    null,
  ),
  metrics: choices(
    'what to measure: frechet, kernel, pr (precision and recall), dc (density and coverage), mind, fd-infinity of any network; fid, kid, sfid, is (Inception score) of inception; clip-score of clip',
    Object.keys(METRICS) as Metric[],
    ['frechet'],
  ),
  subsetSize: whole('samples in a subset of kernel and kid; 1000 unless given', null, 2),
  seed: whole(
    'decides the subsets of kernel, kid and fd-infinity, and the directions of mind; 0 unless given',
    null,
    0,
  ),
  captions: pathOr(
    'what the generated images should show, for clip-score: a JSON object from the paths of images in the folder to texts',
    'FILE',
    null,
  ),
  clip: choice('network of clip-score: clip, ViT-L/14, unless given, or ViT-B/32', ['clip', 'clip-b32'], null),
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
interface Measurement extends Config<typeof READING_OPTIONS>, Config<typeof MEASURING_OPTIONS> {
  readonly generated: string;
  readonly reference: string | null;
  readonly metrics: readonly Metric[];
  readonly extractor: ExtractorName | null;
  readonly subsetSize: number | null;
  readonly seed: number | null;
  readonly captions: string | null;
  readonly clip: 'clip' | 'clip-b32' | null;
}

/** The two sides of a measurement, before anything is computed. */
export interface Sides {
  readonly generated: Samples;
  /** Undefined if no metric needs one. */
  readonly reference: Samples | undefined;
  /** The captions of the generated images; undefined unless the CLIP score is measured. */
  readonly captions: Captions | undefined;
}

/**
 * Measures images, shows the values with their protocols and saves them if requested.
 *
 * @throws {ConfigError} for metrics that do not go with the extractor, or with statistics in place of images, and for an
 *   option that none of the metrics reads
 */
export async function measureImages(config: Measurement, talk: Talk): Promise<Answer> {
  const { signal } = talk;
  const extractor = await extractorFor(config);
  await requireRead(config, extractor);
  const settings = { metrics: config.metrics, subsetSize: config.subsetSize ?? 1000, seed: config.seed ?? 0 };
  const needed = config.reference ?? (await referenceless(config.metrics));
  const generated = await openSamples(config.generated, config, signal);
  const reference = needed === null ? undefined : await openSamples(needed, config, signal);
  await requireImages('--generated', config.generated, generated, config.metrics, 'generated');
  if (needed !== null) await requireImages('--reference', needed, reference!, config.metrics, 'reference');

  await requireEnough(settings, generated, 'generated');
  if (reference !== undefined) await requireEnough(settings, reference, 'reference');
  const captions = await captionsFor(config, generated);

  const most = Math.max(generated.images.length, reference?.images.length ?? 0);
  const outputs = outputsOf(config.metrics).filter((output) => output !== 'clip');
  const network = featureNetwork(config, { extractor, outputs, most }, signal);
  const clip = clipNetwork(config, config.clip ?? 'clip', signal);
  try {
    const measured = await measureSides({ generated, reference, captions }, settings, { network, clip }, talk);
    for (const [side, messages] of Object.entries(measured.unreadable)) noteUnreadable(side, messages, talk);
    const { results, unreadable } = measured;
    for (const line of await resultLines(results)) talk.print(line);
    if (config.out !== null) await writeResults(config.out, results);
    const byName = Object.fromEntries(Object.entries(results).map(([name, { value }]) => [name, value]));
    const [value, ...more] = Object.values(byName);
    return { ...(more.length === 0 ? { value } : {}), values: byName, results, unreadable };
  } finally {
    await Promise.all([network.close(), clip.close()]);
  }
}

/** The networks of a measurement. */
export interface Networks {
  /** The network of all features but CLIP's. */
  readonly network: Opening<OpenNetworks>;
  readonly clip: Opening<OpenClip>;
}

/**
 * Measures all metrics; each image is read once.
 *
 * @returns the results in the order of the metrics, and messages about images that could not be read, by
 *   side
 */
export async function measureSides(
  { generated, reference, captions }: Sides,
  { metrics: wanted, ...settings }: MetricSettings & { readonly metrics: readonly Metric[] },
  { network, clip }: Networks,
  talk: Talk,
): Promise<{ results: Results; unreadable: Readonly<Record<string, readonly string[]>> }> {
  const opened = async (): Promise<OpenNetworks> => {
    const isPlain = wanted.some((metric) => METRICS[metric].output !== 'clip');
    const encoders = captions && named('clip', (await clip.open()).images);
    return together([...(isPlain ? [await network.open()] : []), ...(encoders ? [encoders] : [])]);
  };
  const own = await generated.measure(opened, wantedOf(wanted, 'generated'), talk);
  const compared = wanted.filter((metric) => METRICS[metric].hasNoReference !== true);
  const other =
    compared.length === 0 ? undefined : await reference!.measure(network.open, wantedOf(compared, 'reference'), talk);
  const texts = captions && { features: await captionFeatures(captions, own.images, await clip.open()) };
  const results: Results[] = [];
  for (const metric of wanted) {
    const { output } = METRICS[metric];
    const against: Partial<Measured> | undefined = output === 'clip' ? texts : other?.of[output];
    results.push(await measuredBy(metric, own.of[output]!, against, settings));
  }
  const unreadable = { generated: own.unreadable, ...(other ? { reference: other.unreadable } : {}) };
  return { results: Object.assign({}, ...results) as Results, unreadable };
}

/** The features that metrics are computed on, each kind once. */
function outputsOf(wanted: readonly Metric[]): readonly FeatureOutput[] {
  return [...new Set(wanted.map((metric) => METRICS[metric].output))];
}

/** The features that metrics need of one side. */
function wantedOf(metricsOfSide: readonly Metric[], side: 'generated' | 'reference'): Wanted {
  const entries = outputsOf(metricsOfSide).map((output) => {
    const own = metricsOfSide.filter((metric) => METRICS[metric].output === output);
    return [output, { keep: own.some((metric) => METRICS[metric].features.includes(side)) }];
  });
  return Object.fromEntries(entries) as Wanted;
}

/** The captions that the CLIP score needs. */
async function captionsFor(
  { metrics: wanted, captions }: Pick<Measurement, 'metrics' | 'captions'>,
  { images }: Samples,
): Promise<Captions | undefined> {
  const isWanted = wanted.includes('clip-score');
  if (isWanted && captions !== null) return readCaptions(captions, images);
  if (!isWanted && captions === null) return undefined;
  const { ConfigError } = await import('@flowmap/core');
  const fault = isWanted
    ? 'clip-score needs a caption of each image; give a JSON file'
    : 'only clip-score reads captions';
  throw new ConfigError('--captions', fault);
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

/** The metrics that read an option. */
const READERS: Readonly<Record<'subsetSize' | 'seed' | 'clip', readonly Metric[]>> = {
  subsetSize: ['kernel', 'kid'],
  seed: ['kernel', 'kid', 'fd-infinity', 'mind'],
  clip: ['clip-score'],
};

/** Throws for an option that nothing reads, since the user would expect it to have an effect. */
async function requireRead(config: Measurement, extractor: ExtractorName): Promise<void> {
  const { ConfigError } = await import('@flowmap/core');
  for (const [option, readers] of Object.entries(READERS)) {
    if (config[option as keyof typeof READERS] === null) continue;
    if (config.metrics.some((metric) => readers.includes(metric))) continue;
    const only = `only ${readers.join(', ')} ${readers.length === 1 ? 'reads' : 'read'} it`;
    throw new ConfigError(optionName(option), `has no effect on ${config.metrics.join(', ')}; ${only}`);
  }
  await requireInception(config, extractor);
  if (config.npzCount === null) return;
  if ([config.generated, config.reference ?? ''].some((path) => extname(path).toLowerCase() === '.npz')) return;
  throw new ConfigError('--npz-count', 'has no effect without a .npz file');
}

/** Null if no metric needs a reference. */
async function referenceless(wanted: readonly Metric[]): Promise<null> {
  const others = wanted.filter((metric) => METRICS[metric].hasNoReference !== true);
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
  if (images.length > 0 || needing.length === 0) return;
  const { ConfigError } = await import('@flowmap/core');
  throw new ConfigError(option, `${needing.join(', ')} need images, and ${path} has statistics; give a folder`);
}

/** Throws before any image is read if a folder has fewer images than a metric needs. */
async function requireEnough(
  { metrics: wanted, subsetSize }: MetricSettings & { readonly metrics: readonly Metric[] },
  { images }: Samples,
  side: 'generated' | 'reference',
): Promise<void> {
  for (const metric of images.length === 0 ? [] : wanted) {
    const { least = subsetSize } = METRICS[metric];
    if (images.length >= (side === 'reference' && metric === 'fd-infinity' ? 2 : least)) continue;
    const { TooFewSamplesError } = await import('@flowmap/eval');
    throw new TooFewSamplesError(metric, least, images.length, side);
  }
}

/** Says how many images of a folder were left out. */
export function noteUnreadable(what: string, unreadable: readonly string[], { note }: Talk): void {
  if (unreadable.length > 0) note(`${what}: ${unreadable.length} images could not be read: ${unreadable[0]!}, …`);
}

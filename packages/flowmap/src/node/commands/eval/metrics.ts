import type { MetricResult } from '@flowmap/eval';
import { choices, pathOr, requiredPath, whole, type Config } from '../../command-line/options.js';
import { answering, type Answer, type Talk } from '../command.js';
import { EXTRACTOR_OPTIONS, featureNetwork } from './extractor.js';
import { resultLines, writeResults } from './results.js';
import { openSamples, type Measured } from './samples.js';

const METRICS = ['frechet', 'kernel', 'pr', 'dc'] as const;

const METRICS_OPTIONS = {
  generated: requiredPath('folder of generated images', 'DIR'),
  reference: requiredPath('folder of real images; for frechet also a file of statistics, .safetensors or .npz', 'DIR'),
  metrics: choices(
    'what to measure: Fréchet distance, kernel distance, precision and recall, density and coverage',
    METRICS,
    ['frechet'],
  ),
  subsetSize: whole('samples in a subset of the kernel distance', 1000, 2),
  npzCount: whole('number of samples that a .npz reference was made of', null, 2),
  seed: whole('decides the subsets of the kernel distance', 0, 0),
  ...EXTRACTOR_OPTIONS,
  out: pathOr('where to keep the values with their protocols, for `flowmap eval compare`', 'FILE', null),
};

/** `flowmap eval metrics`: compares generated images with real ones. */
export const metrics = answering({
  name: 'flowmap eval metrics',
  description: 'Compares generated images with real ones, and says with every value how it was measured.',
  options: METRICS_OPTIONS,
  resumes: false,
  run: measureImages,
});

async function measureImages(config: Config<typeof METRICS_OPTIONS>, talk: Talk): Promise<Answer> {
  const { signal } = talk;
  const keep = config.metrics.some((metric) => metric !== 'frechet');
  const sides = { generated: config.generated, reference: config.reference };
  const [generated, reference] = await Promise.all(
    Object.values(sides).map((path) => openSamples(path, config, signal)),
  );
  for (const [side, { images }] of Object.entries({ generated: generated!, reference: reference! })) {
    if (keep && images === 0) await refuseStatistics(side, sides[side as keyof typeof sides], config.metrics);
  }
  const network = featureNetwork(config, Math.max(generated!.images, reference!.images), signal);
  try {
    const measured = {
      generated: await generated!.measure(network.open, keep, talk),
      reference: await reference!.measure(network.open, keep, talk),
    };
    for (const [side, { unreadable }] of Object.entries(measured)) noteUnreadable(side, unreadable, talk);
    const results = await resultsOf(config, measured.generated, measured.reference);
    for (const line of await resultLines(results)) talk.print(line);
    if (config.out !== null) await writeResults(config.out, results);
    const values = Object.fromEntries(Object.entries(results).map(([name, { value }]) => [name, value]));
    const unreadable = { generated: measured.generated.unreadable, reference: measured.reference.unreadable };
    return { values, results, unreadable };
  } finally {
    await network.close();
  }
}

/** The values by metric. */
export async function resultsOf(
  { metrics: wanted, subsetSize, seed }: Pick<Config<typeof METRICS_OPTIONS>, 'metrics' | 'subsetSize' | 'seed'>,
  generated: Measured,
  reference: Measured,
): Promise<Record<string, MetricResult>> {
  const { densityCoverage, frechetDistance, kernelDistance, precisionRecall } = await import('@flowmap/eval');
  const [a, b] = [generated.features, reference.features];
  const of = {
    frechet: () => ({ 'frechet-distance': frechetDistance(generated.moments, reference.moments) }),
    kernel: () => ({ 'kernel-distance': kernelDistance(a!, b!, { subsetSize, seed }) }),
    pr: () => ({ ...precisionRecall(a!, b!) }),
    dc: () => ({ ...densityCoverage(a!, b!) }),
  };
  return Object.assign({}, ...wanted.map((metric) => of[metric]())) as Record<string, MetricResult>;
}

async function refuseStatistics(side: string, path: string, wanted: readonly string[]): Promise<never> {
  const { ConfigError } = await import('@flowmap/core');
  const others = wanted.filter((metric) => metric !== 'frechet').join(', ');
  throw new ConfigError(
    `--${side}`,
    `${others} need images, and ${path} has statistics; give a folder, or --metrics frechet`,
  );
}

/** Says how many images of a folder were left out. */
export function noteUnreadable(what: string, unreadable: readonly string[], { note }: Talk): void {
  if (unreadable.length > 0) note(`${what}: ${unreadable.length} images could not be read: ${unreadable[0]!}, …`);
}

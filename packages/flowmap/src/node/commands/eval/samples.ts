import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { FeatureMoments, Features, FeatureSource, Moments } from '@flowmap/eval';
import type { HostTensor } from '@flowmap/tensor';
import { sidesOf, type Config } from '../../command-line/options.js';
import { showProgress } from '../../command-line/progress.js';
import type { Talk } from '../command.js';
import { isFolder } from '../open-model.js';
import type { EXTRACTOR_OPTIONS, FeatureOutput, OpenNetworks } from './extractor.js';

/** Images, or statistics of some, before anything is computed. */
export interface Samples {
  /** Names of the images; none for a file of statistics, which only a Fréchet distance can be measured with. */
  readonly images: readonly string[];
  /**
   * Their moments, and their features if these are wanted and exist, of all kinds at once: each image is read once.
   *
   * @param open returns the networks of the features
   * @param wanted the kinds that are wanted, and whether the features themselves are kept
   */
  measure(open: () => Promise<OpenNetworks>, wanted: Wanted, talk: Talk): Promise<MeasuredSamples>;
}

/** Kinds of features, and for which of them the features are kept besides their moments. */
export type Wanted = Readonly<Partial<Record<FeatureOutput, { readonly keep: boolean }>>>;

/** What a metric is computed from. */
export interface Measured {
  readonly moments: Moments;
  readonly features: Features | undefined;
}

/** What was computed from samples, by kind of features. */
export interface MeasuredSamples {
  readonly of: Readonly<Partial<Record<FeatureOutput, Measured>>>;
  /** Images that could be read, in the order of the features. */
  readonly images: readonly string[];
  /** Messages about the images that could not be read. */
  readonly unreadable: readonly string[];
}

/** How samples are read. */
export interface SamplesOptions extends Pick<Config<typeof EXTRACTOR_OPTIONS>, 'size' | 'maxUnreadable'> {
  /** Number of samples of a `.npz` file, which does not record it; null if it was not given. */
  readonly npzCount: number | null;
}

/** Number of images decoded at a time. It does not affect the features, only the last bits of their moments. */
const BATCH = 64;

/**
 * Opens a folder of images, or a file of statistics: `.safetensors` as `flowmap eval stats` writes it, or `.npz` as EDM,
 * ADM and pytorch-fid do.
 *
 * @throws {DataError} for a path that does not exist, and for a folder without images
 * @throws {CheckpointError} for a file without statistics
 * @throws {ConfigError} for a `.npz` file without the number of its samples
 */
export async function openSamples(path: string, options: SamplesOptions, signal: AbortSignal): Promise<Samples> {
  if (await isFolder(path)) return imagesOf(path, options, signal);
  const momentsOf = await statisticsOf(path, options.npzCount);
  return {
    images: [],
    async measure(open, wanted) {
      const of: Partial<Record<FeatureOutput, Measured>> = {};
      for (const output of Object.keys(wanted) as FeatureOutput[]) {
        const moments = await momentsOf(async () => (await open()).sources[output]!);
        of[output] = { moments, features: undefined };
      }
      return { of, images: [], unreadable: [] };
    },
  };
}

async function statisticsOf(
  path: string,
  npzCount: number | null,
): Promise<(sourceOf: () => Promise<FeatureSource>) => Promise<Moments>> {
  const { ConfigError, DataError } = await import('@flowmap/core');
  const { decodeMoments, momentsFromNpz } = await import('@flowmap/eval');
  const kind = extname(path).toLowerCase();
  if (kind === '.safetensors') {
    const moments = decodeMoments(await readFile(path), path).moments();
    return () => Promise.resolve(moments);
  }
  if (kind !== '.npz') {
    throw new DataError(path, 'is neither a folder of images nor a file of statistics (.safetensors, .npz)');
  }
  if (npzCount === null) {
    throw new ConfigError('--npz-count', `${path} does not say of how many samples it is; give their number`);
  }
  const bytes = await readFile(path);
  const read = (source: FeatureSource, names?: readonly [string, string]): Moments =>
    momentsFromNpz(bytes, { ...source, count: npzCount, file: path, ...(names === undefined ? {} : { names }) });
  const moments = read({ extractor: 'unknown', weights: null, resize: 'unknown' }); // damage is noticed before images are read
  return async (sourceOf) => {
    const source = await sourceOf();
    return source.extractor.endsWith('/spatial') ? read(source, ['mu_s', 'sigma_s']) : { ...moments, source };
  };
}

async function imagesOf(
  folder: string,
  { size, maxUnreadable }: SamplesOptions,
  signal: AbortSignal,
): Promise<Samples> {
  const { imageBatches } = await import('@flowmap/data/node');
  const { featureMoments, features } = await import('@flowmap/eval');
  const { hostTensor } = await import('@flowmap/tensor');
  const sized = size === null ? {} : { size: sidesOf(size) };
  const { names, unreadable, read } = await imageBatches(folder, { batchSize: BATCH, maxUnreadable, signal, ...sized });
  return {
    images: names,
    async measure(open, wanted, talk) {
      const networks = await open();
      const kinds = Object.entries(wanted).map(([name, { keep }]) => {
        const output = name as FeatureOutput;
        return { output, keep, source: networks.sources[output]!, parts: [] as HostTensor[] };
      });
      const moments: Partial<Record<FeatureOutput, FeatureMoments>> = {};
      const progress = await showProgress(talk, folder);
      try {
        for await (const results of featuresInAdvance(networks, read())) {
          for (const { output, keep, source, parts } of kinds) {
            const part = results[output]!;
            (moments[output] ??= featureMoments(part.shape[1]!, source)).add(part);
            if (keep) parts.push(part);
          }
          progress.update(moments[kinds[0]!.output]!.count + unreadable.length, names.length);
        }
      } finally {
        progress.stop();
      }
      const of = kinds.map(({ output, keep, source, parts }): [FeatureOutput, Measured] => {
        const all = moments[output]!;
        const values = keep ? hostTensor([all.count, all.width], joined(parts)) : undefined;
        return [output, { moments: all.moments(), features: values && features(values, source) }];
      });
      const torn = new Set(unreadable.map(({ path }) => path));
      return {
        of: Object.fromEntries(of),
        images: names.filter((name) => !torn.has(join(folder, name))),
        unreadable: unreadable.map(({ message }) => message),
      };
    },
  };
}

/** Features of batches; while the networks compute those of one, the next is decoded and resized. */
async function* featuresInAdvance(
  networks: OpenNetworks,
  batches: AsyncIterable<HostTensor>,
): AsyncGenerator<Awaited<ReturnType<OpenNetworks['extract']>>> {
  let coming: ReturnType<OpenNetworks['extract']> | undefined;
  for await (const batch of batches) {
    const next = networks.extract(batch);
    next.catch(() => undefined); // reported when it is awaited, unless the previous one fails
    if (coming !== undefined) yield await coming;
    coming = next;
  }
  if (coming !== undefined) yield await coming;
}

function joined(parts: readonly HostTensor[]): Float32Array {
  const all = new Float32Array(parts.reduce((length, { data }) => length + data.length, 0));
  let at = 0;
  for (const { data } of parts) {
    all.set(data, at);
    at += data.length;
  }
  return all;
}

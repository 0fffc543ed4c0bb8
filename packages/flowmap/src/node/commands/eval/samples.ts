import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { Extractor, Features, FeatureSource, Moments } from '@flowmap/eval';
import type { HostTensor } from '@flowmap/tensor';
import type { Config } from '../../command-line/options.js';
import { showProgress } from '../../command-line/progress.js';
import type { Talk } from '../command.js';
import { isFolder } from '../open-model.js';
import type { EXTRACTOR_OPTIONS } from './extractor.js';

/** Images, or statistics of some, before anything is computed. */
export interface Samples {
  /** Number of images; 0 for a file of statistics, which only a Fréchet distance can be measured with. */
  readonly images: number;
  /**
   * Their moments, and their features if they are wanted and there are any.
   *
   * @param open gives the network of the features
   * @param keep whether the features are wanted
   */
  measure(open: () => Promise<Extractor>, keep: boolean, talk: Talk): Promise<Measured>;
}

/** What a metric is computed of. */
export interface Measured {
  readonly moments: Moments;
  readonly features: Features | undefined;
  /** Messages of the images that could not be read. */
  readonly unreadable: readonly string[];
}

/** How samples are read. */
export interface SamplesOptions extends Pick<Config<typeof EXTRACTOR_OPTIONS>, 'size' | 'maxUnreadable'> {
  /** Number of samples of a `.npz` file, which does not say it; null if it was not given. */
  readonly npzCount: number | null;
}

/** Images decoded at a time. It does not change the features, but the last bits of their moments. */
const BATCH = 64;

/**
 * Opens a folder of images, or a file of statistics: `.safetensors` as `flowmap eval stats` writes it, or `.npz` as EDM,
 * ADM and pytorch-fid do.
 *
 * @throws {DataError} for what is not there, and for a folder without images
 * @throws {CheckpointError} for a file that has no statistics
 * @throws {ConfigError} for a `.npz` file without the number of its samples
 */
export async function openSamples(path: string, options: SamplesOptions, signal: AbortSignal): Promise<Samples> {
  if (await isFolder(path)) return imagesOf(path, options, signal);
  const momentsOf = await statisticsOf(path, options.npzCount);
  return {
    images: 0,
    measure: async (open) => ({ moments: await momentsOf(open), features: undefined, unreadable: [] }),
  };
}

async function statisticsOf(
  path: string,
  npzCount: number | null,
): Promise<(open: () => Promise<Extractor>) => Promise<Moments>> {
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
  return async (open) => {
    const { source } = await open();
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
  const sized = size === null ? {} : { size: [size, size] as const };
  const { names, unreadable, read } = await imageBatches(folder, { batchSize: BATCH, maxUnreadable, signal, ...sized });
  return {
    images: names.length,
    async measure(open, keep, talk) {
      const extractor = await open();
      const progress = await showProgress(talk, folder);
      const parts: HostTensor[] = [];
      try {
        let moments: ReturnType<typeof featureMoments> | undefined;
        for await (const part of featuresInAdvance(extractor, read())) {
          moments ??= featureMoments(part.shape[1]!, extractor.source);
          moments.add(part);
          if (keep) parts.push(part);
          progress.update(moments.count + unreadable.length, names.length);
        }
        const values = keep ? hostTensor([moments!.count, moments!.width], joined(parts)) : undefined;
        return {
          moments: moments!.moments(),
          features: values && features(values, extractor.source),
          unreadable: unreadable.map(({ message }) => message),
        };
      } finally {
        progress.stop();
      }
    },
  };
}

/** Features of batches; while the network computes those of one, the next is decoded and resized. */
async function* featuresInAdvance(
  extractor: Extractor,
  batches: AsyncIterable<HostTensor>,
): AsyncGenerator<HostTensor> {
  let coming: Promise<HostTensor> | undefined;
  for await (const batch of batches) {
    const next = extractor.extract(batch);
    next.catch(() => undefined); // reported when it is awaited, unless the one before fails
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

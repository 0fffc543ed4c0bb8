import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Dataset } from '@flowmap/core';
import { writeFileAtomic } from '@flowmap/core/node';
import { weights } from '@flowmap/efficientnet-lite0';
import {
  datasetBatches,
  decodeMoments,
  efficientNetLite0,
  encodeMoments,
  extractFeatures,
  extractMoments,
  frechetDistanceOfFeatures,
  frechetReference,
  plainLinearAlgebra,
  precisionRecall,
  protocolText,
  type Extractor,
  type Features,
  type Moments,
} from '@flowmap/eval';
import { nativeLinearAlgebra } from '@flowmap/eval/node';
import { hostTensor, type HostTensor, type Runtime } from '@flowmap/tensor';
import { interruptible } from 'flowmap/node';
import type { EvaluationOptions } from './evaluate.js';

/** Images of the data that are compared with, at most. */
const REFERENCE_COUNT = 10_000;

/** Samples that a recall is of, and images of the data at most: its time grows with their product. */
const RECALL_COUNT = 2000;

/** Fewest images of the data: a ball reaches to the third neighbour. */
const RECALL_LEAST = 4;

/** What samples are judged against. */
export interface JudgeOptions extends Pick<EvaluationOptions, 'signal' | 'onProgress'> {
  readonly runtime: Runtime;
  readonly data: Dataset;
  /** Samples that will be judged at a time, at least 2; from 2,000 on recall is measured too. */
  readonly samples: number;
  /** File of the data's statistics; written where it is missing. */
  readonly statistics: string;
}

/** How samples compare with the data. */
export interface Judgement {
  /** Fréchet distance by the features of EfficientNet-Lite0. */
  readonly distance: number;
  /** Metric, feature extractor, resizing, numbers of samples and reference: only equal protocols compare. */
  readonly protocol: string;
  /** Share of the data that samples cover (Kynkäänniemi et al., 2019); of 2,000 samples and 4 images of the data or more. */
  readonly recall?: number;
  readonly recallProtocol?: string;
}

/** Judges samples. */
export interface Judge {
  /** Images of the data that samples are compared with. */
  readonly reference: number;
  /** @param samples `[count, ...shape]`, in the data's range */
  judge(samples: HostTensor): Promise<Judgement>;
  dispose(): Promise<void>;
}

/**
 * Makes ready what samples are compared with: the data's statistics, and features of it where recall is measured.
 *
 * @throws the signal's reason when it fires
 * @throws {ProtocolError} for a file of statistics from other weights or another resizing
 */
export async function openJudge(options: JudgeOptions): Promise<Judge> {
  const { data, samples: count, statistics, signal, onProgress } = options;
  const runtime = interruptible(options.runtime, signal);
  const extractor = await efficientNetLite0({ runtime, weights: await weights(), batchSize: Math.min(32, count) });
  try {
    const moments = await statisticsOf(data, extractor, statistics, onProgress);
    const linearAlgebra = await nativeLinearAlgebra().catch(() => plainLinearAlgebra);
    const reference = frechetReference(moments, { linearAlgebra });
    const hasRecall = count >= RECALL_COUNT && data.length >= RECALL_LEAST;
    const some = hasRecall ? await someOf(data, extractor, onProgress) : undefined;
    return {
      reference: moments.count,
      async judge(samples) {
        const features = await extractFeatures(extractor, inParts(samples));
        const { value: distance, protocol } = frechetDistanceOfFeatures(features, reference);
        const judgement = { distance, protocol: protocolText(protocol) };
        if (some === undefined) return judgement;
        const { recall } = precisionRecall(spreadRows(features), some);
        return { ...judgement, recall: recall.value, recallProtocol: protocolText(recall.protocol) };
      },
      dispose: () => extractor.dispose(),
    };
  } catch (error) {
    await extractor.dispose();
    throw error;
  }
}

/** The data's statistics, from the file or, where it is missing, into it. */
export async function measureStatistics(data: Dataset, runtime: Runtime, file: string): Promise<Moments> {
  const extractor = await efficientNetLite0({ runtime, weights: await weights() });
  try {
    return await statisticsOf(data, extractor, file);
  } finally {
    await extractor.dispose();
  }
}

/** The data's statistics, from the file or, where it is missing, into it. */
async function statisticsOf(
  data: Dataset,
  extractor: Extractor,
  file: string,
  onProgress?: (what: string) => void,
): Promise<Moments> {
  if (existsSync(file)) return decodeMoments(await readFile(file), file).moments();
  onProgress?.("the data's statistics");
  const moments = (await extractMoments(extractor, spread(data))).moments();
  await writeFileAtomic(file, encodeMoments(moments, { dtype: 'float32' }));
  return moments;
}

/** Features of the images that recall is of. */
function someOf(data: Dataset, extractor: Extractor, onProgress?: (what: string) => void): Promise<Features> {
  onProgress?.("the data's features");
  return extractFeatures(extractor, spread(data, RECALL_COUNT));
}

/** Features of the samples that recall is of, evenly spread, since they are ordered as the data is. */
function spreadRows({ count, width, values, source }: Features): Features {
  const taken = Math.min(count, RECALL_COUNT);
  const some = new Float64Array(taken * width);
  for (let i = 0; i < taken; i++) {
    const from = width * Math.floor((i * count) / taken);
    some.set(values.subarray(from, from + width), i * width);
  }
  return { count: taken, width, values: some, source };
}

/** All samples of a dataset, or the most that are wanted, evenly spread over it. */
function spread(data: Dataset, most = REFERENCE_COUNT): AsyncIterable<HostTensor> {
  if (data.length <= most) return datasetBatches(data);
  const indexOf = (i: number): number => Math.floor((i * data.length) / most);
  const chosen: Dataset = {
    ...data,
    length: most,
    batch: (indices) => data.batch(Array.from(indices, indexOf)),
  };
  return datasetBatches(chosen);
}

/** Samples batch by batch. */
function* inParts({ shape: [count = 0, ...own], data }: HostTensor, part = 64): Generator<HostTensor> {
  const size = data.length / count;
  for (let first = 0; first < count; first += part) {
    const last = Math.min(count, first + part);
    yield hostTensor([last - first, ...own], data.subarray(first * size, last * size));
  }
}

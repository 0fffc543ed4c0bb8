import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Dataset } from '@flowmap/core';
import { writeFileAtomic } from '@flowmap/core/node';
import { weights } from '@flowmap/efficientnet-lite0';
import {
  decodeMoments,
  efficientNetLite0,
  encodeMoments,
  extractFeatures,
  featureMoments,
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
import {
  classFileOf,
  classSums,
  meanDistance,
  readClassMoments,
  writeClassMoments,
  type ClassMoments,
} from './class-distances.js';
import type { EvaluationOptions } from './evaluate.js';

/** The most images of the data to compare with. */
const REFERENCE_COUNT = 10_000;

/** Number of samples for a recall, and the most images of the data: its time grows with their product. */
const RECALL_COUNT = 2000;

/** The fewest images of the data for a recall: a ball reaches to the third neighbour. */
const RECALL_LEAST = 4;

/** What samples are judged against. */
export interface JudgeOptions extends Pick<EvaluationOptions, 'signal' | 'onProgress'> {
  readonly runtime: Runtime;
  readonly data: Dataset;
  /** Number of samples judged at a time, at least 2; from 2,000 on, recall is measured too. */
  readonly samples: number;
  /** File of the data's statistics; written if it is missing. */
  readonly statistics: string;
}

/** How samples compare with the data. */
export interface Judgement {
  /** Fréchet distance by the features of EfficientNet-Lite0. */
  readonly distance: number;
  /** Metric, feature extractor, resizing, numbers of samples and reference: only equal protocols compare. */
  readonly protocol: string;
  /**
   * Share of the data that samples cover (Kynkäänniemi et al., 2019); measured with at least 2,000 samples
   * and 4 images of the data.
   */
  readonly recall?: number;
  readonly recallProtocol?: string;
  /** Distance between the mean features class by class, for samples with labels; NaN for classes with too few. */
  readonly byClass?: Readonly<Record<string, number>>;
}

/** Classes of samples. */
export interface Labelled {
  readonly labels: Int32Array;
  /** Names by label: those of the data, in any order. */
  readonly classes: readonly string[];
}

/** Judges samples. */
export interface Judge {
  /** Number of images of the data with which samples are compared. */
  readonly reference: number;
  /**
   * @param samples `[count, ...shape]`, in the data's range
   * @param labelled their classes, for distances by class
   */
  judge(samples: HostTensor, labelled?: Labelled): Promise<Judgement>;
  dispose(): Promise<void>;
}

/**
 * Prepares what samples are compared with: the data's statistics, and features of the data if recall is measured.
 *
 * @throws the signal's reason when it fires
 * @throws {ProtocolError} for a file of statistics from other weights or another resizing
 */
export async function openJudge(options: JudgeOptions): Promise<Judge> {
  const { data, samples: count, statistics, signal, onProgress } = options;
  const runtime = interruptible(options.runtime, signal);
  const extractor = await efficientNetLite0({ runtime, weights: await weights(), batchSize: Math.min(32, count) });
  try {
    const { moments, ofClasses } = await statisticsOf(data, extractor, statistics, onProgress);
    const linearAlgebra = await nativeLinearAlgebra().catch(() => plainLinearAlgebra);
    const reference = frechetReference(moments, { linearAlgebra });
    const hasRecall = count >= RECALL_COUNT && data.length >= RECALL_LEAST;
    const some = hasRecall ? await someOf(data, extractor, onProgress) : undefined;
    return {
      reference: moments.count,
      async judge(samples, labelled) {
        const features = await extractFeatures(extractor, inParts(samples));
        const { value: distance, protocol } = frechetDistanceOfFeatures(features, reference);
        const judgement = {
          distance,
          protocol: protocolText(protocol),
          ...(labelled && ofClasses.length > 0 ? { byClass: classDistances(features, labelled) } : {}),
        };
        if (some === undefined) return judgement;
        const { recall } = precisionRecall(spreadRows(features), some);
        return { ...judgement, recall: recall.value, recallProtocol: protocolText(recall.protocol) };
      },
      dispose: () => extractor.dispose(),
    };

    function classDistances({ values, width }: Features, { labels, classes }: Labelled): Record<string, number> {
      const sums = classSums(classes.length, width);
      sums.add(values, labels);
      const own = sums.moments();
      return Object.fromEntries(
        data.classes.map((name, i) => [name, meanDistance(own[classes.indexOf(name)]!, ofClasses[i]!)]),
      );
    }
  } catch (error) {
    await extractor.dispose();
    throw error;
  }
}

/**
 * The data's statistics, including those of its classes, read from the files or, if these are missing,
 * computed and written.
 */
export async function measureStatistics(data: Dataset, runtime: Runtime, file: string): Promise<Moments> {
  const extractor = await efficientNetLite0({ runtime, weights: await weights() });
  try {
    return (await statisticsOf(data, extractor, file)).moments;
  } finally {
    await extractor.dispose();
  }
}

/** What samples are compared with. */
interface Statistics {
  readonly moments: Moments;
  /** In the order of the data's classes. */
  readonly ofClasses: readonly ClassMoments[];
}

/**
 * The data's statistics, read from their files; those that are missing are computed and written first. The files round, so
 * whoever makes them reads them too.
 */
async function statisticsOf(
  data: Dataset,
  extractor: Extractor,
  file: string,
  onProgress?: (what: string) => void,
): Promise<Statistics> {
  const { classes } = data;
  const { source } = extractor;
  const classFile = classFileOf(file);
  const read = async (): Promise<Statistics | undefined> => {
    const moments = existsSync(file) ? decodeMoments(await readFile(file), file).moments() : undefined;
    const ofClasses = classes.length === 0 ? [] : await readClassMoments(classFile, classes, source);
    return moments && ofClasses && { moments, ofClasses };
  };
  const there = await read();
  if (there) return there;

  onProgress?.("the data's statistics");
  let sums: { all: ReturnType<typeof featureMoments>; classes: ReturnType<typeof classSums> } | undefined;
  for await (const { images, labels } of spread(data)) {
    const part = await extractor.extract(images);
    const width = part.shape[1]!;
    sums ??= { all: featureMoments(width, source), classes: classSums(classes.length, width) };
    sums.all.add(part);
    sums.classes.add(part.data, labels);
  }
  if (!existsSync(file)) await writeFileAtomic(file, encodeMoments(sums!.all.moments(), { dtype: 'float32' }));
  if (classes.length > 0) await writeClassMoments(classFile, { classes, moments: sums!.classes.moments(), source });
  return (await read())!;
}

/** Features of the images for the recall. */
function someOf(data: Dataset, extractor: Extractor, onProgress?: (what: string) => void): Promise<Features> {
  onProgress?.("the data's features");
  return extractFeatures(extractor, imagesOf(spread(data, RECALL_COUNT)));
}

/** Features of the samples for the recall, evenly spread, since samples are in the order of the data. */
function spreadRows({ count, width, values, source }: Features): Features {
  const taken = Math.min(count, RECALL_COUNT);
  const some = new Float64Array(taken * width);
  for (let i = 0; i < taken; i++) {
    const from = width * Math.floor((i * count) / taken);
    some.set(values.subarray(from, from + width), i * width);
  }
  return { count: taken, width, values: some, source };
}

/** Images with their labels; none without classes. */
interface LabelledImages {
  readonly images: HostTensor;
  readonly labels: Int32Array;
}

/** Samples of a dataset batch by batch: all of them, or at most a given number, evenly spread. */
async function* spread(data: Dataset, most = REFERENCE_COUNT, part = 64): AsyncGenerator<LabelledImages> {
  const count = Math.min(data.length, most);
  for (let first = 0; first < count; first += part) {
    const size = Math.min(part, count - first);
    const indices = Array.from({ length: size }, (_, i) => Math.floor(((first + i) * data.length) / count));
    const { x, conditions } = await data.batch(indices);
    const labels = data.classes.length > 0 ? (conditions['label'] as Int32Array) : new Int32Array();
    yield { images: hostTensor([size, ...data.shape], x), labels };
  }
}

async function* imagesOf(batches: AsyncIterable<LabelledImages>): AsyncGenerator<HostTensor> {
  for await (const { images } of batches) yield images;
}

/** Samples batch by batch. */
function* inParts({ shape: [count = 0, ...own], data }: HostTensor, part = 64): Generator<HostTensor> {
  const size = data.length / count;
  for (let first = 0; first < count; first += part) {
    const last = Math.min(count, first + part);
    yield hostTensor([last - first, ...own], data.subarray(first * size, last * size));
  }
}

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import {
  consistency,
  euler,
  flowMapSampler,
  matchClasses,
  type Dataset,
  type Model,
  type Sampler,
} from '@flowmap/core';
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
  precisionRecall,
  plainLinearAlgebra,
  protocolText,
  type Extractor,
  type Features,
  type Moments,
} from '@flowmap/eval';
import { nativeLinearAlgebra } from '@flowmap/eval/node';
import { hostTensor, type HostTensor, type Runtime } from '@flowmap/tensor';
import { interruptible } from 'flowmap/node';
import { sampleFixedNoises, type EvaluationOptions } from './evaluate.js';

/** Step counts at which the student is measured, and the teacher. */
const STUDENT_STEPS = [1, 2, 4] as const;
const TEACHER_STEPS = [4] as const;
/** Of the student by the consistency sampler, which is the flow map itself in one step. */
const CONSISTENCY_STEPS = [2, 4] as const;

/** Images of the data that are compared with, at most. */
const REFERENCE_COUNT = 10_000;

/** Samples that a recall is of, and images of the data at most: its time grows with their product. */
const RECALL_COUNT = 2000;

/** Fewest images of the data: a ball reaches to the third neighbour. */
const RECALL_LEAST = 4;

/** A number for each number of steps. */
interface BySteps {
  readonly student: Readonly<Record<(typeof STUDENT_STEPS)[number], number>>;
  readonly teacher: Readonly<Record<(typeof TEACHER_STEPS)[number], number>>;
}

/** How far samples are from the data, and how much of it they cover: `distances` in `metrics.json`. */
export interface Distances extends BySteps {
  /** Metric, feature extractor, resizing, numbers of samples and reference: only equal protocols compare. */
  readonly protocol: string;
  /** Samples of each. */
  readonly samples: number;
  /** Images of the data. */
  readonly reference: number;
  /** Share of the data that samples cover (Kynkäänniemi et al., 2019); not measured on fewer than 2,000 samples or 4 images. */
  readonly recall?: BySteps & { readonly protocol: string };
  /** Of the student by the consistency sampler, where it was asked for. */
  readonly consistency?: Readonly<Record<(typeof CONSISTENCY_STEPS)[number], number>>;
}

/** What is measured against what. */
interface DistanceOptions extends Pick<EvaluationOptions, 'signal' | 'onProgress'> {
  readonly runtime: Runtime;
  readonly data: Dataset;
  readonly teacher: Model;
  readonly student: Model;
  /** Samples of each, at least 2. */
  readonly samples: number;
  /** File of the data's statistics; written where it is missing. */
  readonly statistics: string;
  /** Whether the consistency sampler is measured, which takes half as long again; false unless given. */
  readonly consistency?: boolean;
}

/**
 * Fréchet distances of a student's samples in 1, 2 and 4 steps from the data, and of its teacher's in 4, by the features of
 * EfficientNet-Lite0, and the recall of 2,000 samples or more. Samples have the data's classes in their proportions.
 *
 * @throws the signal's reason when it fires
 * @throws {ProtocolError} for a file of statistics from other weights or another resizing
 */
export async function measureDistances(options: DistanceOptions): Promise<Distances> {
  const { data, teacher, student, samples: count, statistics, signal, onProgress } = options;
  const runtime = interruptible(options.runtime, signal);
  const extractor = await efficientNetLite0({ runtime, weights: await weights() });
  try {
    const moments = await statisticsOf(data, extractor, statistics, onProgress);
    const linearAlgebra = await nativeLinearAlgebra().catch(() => plainLinearAlgebra);
    const reference = frechetReference(moments, { linearAlgebra });
    const labels = await labelsOf(matchClasses(data, teacher).data, count);
    const common = { runtime, count, ...(labels ? { labels } : {}), ...(signal ? { signal } : {}) };
    const hasRecall = count >= RECALL_COUNT && data.length >= RECALL_LEAST;
    const some = hasRecall ? await someOf(data, extractor, onProgress) : undefined;
    const protocols = { distance: '', recall: '' }; // the same for all
    const judged = async (samples: HostTensor): Promise<{ distance: number; recall?: number }> => {
      const features = await extractFeatures(extractor, inParts(samples));
      const distance = frechetDistanceOfFeatures(features, reference);
      protocols.distance = protocolText(distance.protocol);
      if (some === undefined) return { distance: distance.value };
      const { recall } = precisionRecall(spreadRows(features), some);
      protocols.recall = protocolText(recall.protocol);
      return { distance: distance.value, recall: recall.value };
    };
    const measured = async (model: Model, sampler: Sampler, steps: readonly number[], who: string) => {
      const samples = await sampleFixedNoises(model, sampler, steps, common);
      const [distances, recalls]: [Record<number, number>, Record<number, number>] = [{}, {}];
      for (const [i, n] of steps.entries()) {
        onProgress?.(`distance of the ${who}, ${n} ${n === 1 ? 'step' : 'steps'}`);
        const { distance, recall } = await judged(samples[i]!);
        distances[n] = distance;
        if (recall !== undefined) recalls[n] = recall;
      }
      return { distances, recalls };
    };
    const students = await measured(student, flowMapSampler(), STUDENT_STEPS, 'student');
    const teachers = await measured(teacher, euler(), TEACHER_STEPS, 'teacher');
    const consistent = options.consistency
      ? await measured(student, consistency(), CONSISTENCY_STEPS, 'consistency sampler')
      : undefined;
    return {
      protocol: protocols.distance,
      samples: count,
      reference: reference.moments.count,
      student: students.distances as Distances['student'],
      teacher: teachers.distances as Distances['teacher'],
      ...(some === undefined
        ? {}
        : {
            recall: {
              protocol: protocols.recall,
              student: students.recalls as Distances['student'],
              teacher: teachers.recalls as Distances['teacher'],
            },
          }),
      ...(consistent ? { consistency: consistent.distances as NonNullable<Distances['consistency']> } : {}),
    };
  } finally {
    await extractor.dispose();
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

/** Labels in the data's proportions; undefined without classes. */
async function labelsOf(data: Dataset, count: number): Promise<Int32Array | undefined> {
  if (data.classes.length === 0) return undefined;
  const labels = new Int32Array(count);
  const part = 256;
  for (let first = 0; first < count; first += part) {
    const indices = Array.from({ length: Math.min(part, count - first) }, (_, i) =>
      Math.floor(((first + i) * data.length) / count),
    );
    labels.set((await data.batch(indices)).conditions['label'] as Int32Array, first);
  }
  return labels;
}

/** Samples batch by batch. */
function* inParts({ shape: [count = 0, ...own], data }: HostTensor, part = 64): Generator<HostTensor> {
  const size = data.length / count;
  for (let first = 0; first < count; first += part) {
    const last = Math.min(count, first + part);
    yield hostTensor([last - first, ...own], data.subarray(first * size, last * size));
  }
}

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
  frechetDistance,
  frechetDistanceOfFeatures,
  frechetReference,
  plainLinearAlgebra,
  protocolText,
  type Extractor,
  type FrechetReference,
  type MetricResult,
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

/** How far samples are from the data, as `distances` in `metrics.json`. */
export interface Distances {
  /** Metric, feature extractor, resizing, numbers of samples and reference: only equal protocols compare. */
  readonly protocol: string;
  /** Samples of each. */
  readonly samples: number;
  /** Images of the data. */
  readonly reference: number;
  /** Fréchet distance of EfficientNet-Lite0's features, by steps. */
  readonly student: Readonly<Record<(typeof STUDENT_STEPS)[number], number>>;
  readonly teacher: Readonly<Record<(typeof TEACHER_STEPS)[number], number>>;
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
 * EfficientNet-Lite0. Samples have the data's classes in their proportions.
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
    let protocol = ''; // the same for all
    const distance = async (samples: HostTensor): Promise<number> => {
      const result = await distanceOf(samples, extractor, reference);
      protocol = protocolText(result.protocol);
      return result.value;
    };
    const measured = async (
      model: Model,
      sampler: Sampler,
      steps: readonly number[],
      who: string,
    ): Promise<Record<number, number>> => {
      const samples = await sampleFixedNoises(model, sampler, steps, common);
      const values: Record<number, number> = {};
      for (const [i, n] of steps.entries()) {
        onProgress?.(`distance of the ${who}, ${n} ${n === 1 ? 'step' : 'steps'}`);
        values[n] = await distance(samples[i]!);
      }
      return values;
    };
    const students = await measured(student, flowMapSampler(), STUDENT_STEPS, 'student');
    const teachers = await measured(teacher, euler(), TEACHER_STEPS, 'teacher');
    const consistent = options.consistency
      ? await measured(student, consistency(), CONSISTENCY_STEPS, 'consistency sampler')
      : undefined;
    return {
      protocol,
      samples: count,
      reference: reference.moments.count,
      student: students as Distances['student'],
      teacher: teachers as Distances['teacher'],
      ...(consistent ? { consistency: consistent as NonNullable<Distances['consistency']> } : {}),
    };
  } finally {
    await extractor.dispose();
  }
}

/** The distance of samples, by their features where those are few, and otherwise holding one batch of them at a time. */
async function distanceOf(
  samples: HostTensor,
  extractor: Extractor,
  reference: FrechetReference,
): Promise<MetricResult> {
  if (samples.shape[0]! >= reference.moments.width) {
    return frechetDistance((await extractMoments(extractor, inParts(samples))).moments(), reference);
  }
  return frechetDistanceOfFeatures(await extractFeatures(extractor, inParts(samples)), reference);
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

/** All samples of a dataset, or the most that are compared with, evenly spread over it. */
function spread(data: Dataset): AsyncIterable<HostTensor> {
  if (data.length <= REFERENCE_COUNT) return datasetBatches(data);
  const indexOf = (i: number): number => Math.floor((i * data.length) / REFERENCE_COUNT);
  const chosen: Dataset = {
    ...data,
    length: REFERENCE_COUNT,
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

import {
  consistency,
  euler,
  flowMapSampler,
  matchClasses,
  type Dataset,
  type Model,
  type Sampler,
} from '@flowmap/core';
import { sampleFixedNoises } from './evaluate.js';
import { openJudge, type Judgement, type JudgeOptions } from './judge.js';

/** Step counts at which the student is measured, and the teacher. */
const STUDENT_STEPS = [1, 2, 4] as const;
const TEACHER_STEPS = [4] as const;
/** Of the student by the consistency sampler, which is the flow map itself in one step. */
const CONSISTENCY_STEPS = [2, 4] as const;

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
interface DistanceOptions extends JudgeOptions {
  readonly teacher: Model;
  readonly student: Model;
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
  const { data, teacher, student, samples: count, signal, onProgress } = options;
  const judge = await openJudge(options);
  try {
    const labels = await labelsOf(matchClasses(data, teacher).data, count);
    const common = { runtime: options.runtime, count, ...(labels ? { labels } : {}), ...(signal ? { signal } : {}) };
    let protocols: Pick<Judgement, 'protocol' | 'recallProtocol'> | undefined; // the same for all
    const measured = async (model: Model, sampler: Sampler, steps: readonly number[], who: string) => {
      const samples = await sampleFixedNoises(model, sampler, steps, common);
      const [distances, recalls]: [Record<number, number>, Record<number, number>] = [{}, {}];
      for (const [i, n] of steps.entries()) {
        onProgress?.(`distance of the ${who}, ${n} ${n === 1 ? 'step' : 'steps'}`);
        const { distance, recall, ...said } = await judge.judge(samples[i]!);
        protocols = said;
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
    const { protocol, recallProtocol } = protocols!;
    return {
      protocol,
      samples: count,
      reference: judge.reference,
      student: students.distances as Distances['student'],
      teacher: teachers.distances as Distances['teacher'],
      ...(recallProtocol === undefined
        ? {}
        : {
            recall: {
              protocol: recallProtocol,
              student: students.recalls as Distances['student'],
              teacher: teachers.recalls as Distances['teacher'],
            },
          }),
      ...(consistent ? { consistency: consistent.distances as NonNullable<Distances['consistency']> } : {}),
    };
  } finally {
    await judge.dispose();
  }
}

/** Labels in the data's proportions; undefined without classes. */
export async function labelsOf(data: Dataset, count: number): Promise<Int32Array | undefined> {
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

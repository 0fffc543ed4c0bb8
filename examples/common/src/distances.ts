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

/** Step counts at which the student and the teacher are measured. */
const STUDENT_STEPS = [1, 2, 4] as const;
const TEACHER_STEPS = [4] as const;
/** Step counts of the student with the consistency sampler, which in one step is the flow map itself. */
const CONSISTENCY_STEPS = [2, 4] as const;

/** A number for each number of steps. */
interface BySteps {
  readonly student: Readonly<Record<(typeof STUDENT_STEPS)[number], number>>;
  readonly teacher: Readonly<Record<(typeof TEACHER_STEPS)[number], number>>;
}

/** A value for each number of steps, or null. */
type ByClass<Steps extends number> = Readonly<Record<Steps, number | null>>;

/** How far samples are from the data, and how much of it they cover: `distances` in `metrics.json`. */
export interface Distances extends BySteps {
  /** Metric, feature extractor, resizing, numbers of samples and reference: only equal protocols compare. */
  readonly protocol: string;
  /** Number of samples of each. */
  readonly samples: number;
  /** Number of images of the data. */
  readonly reference: number;
  /**
   * Share of the data that samples cover (Kynkäänniemi et al., 2019); not measured with fewer than 2,000
   * samples or 4 images.
   */
  readonly recall?: BySteps & { readonly protocol: string };
  /**
   * Squared distance between the mean features, without bias, by class; null for a class with too few. Only
   * for data with classes.
   */
  readonly byClass?: Readonly<Record<string, { readonly student: ByClass<1 | 2 | 4>; readonly teacher: ByClass<4> }>>;
  /** Distance of the student in 4 steps by the scale of guidance that it is given, if it takes one. */
  readonly guidance?: Readonly<Record<number, number>>;
  /** Distances of the student with the consistency sampler, if requested. */
  readonly consistency?: Readonly<Record<(typeof CONSISTENCY_STEPS)[number], number>>;
}

/** What is measured, and against what. */
interface DistanceOptions extends JudgeOptions {
  readonly teacher: Model;
  readonly student: Model;
  /** Whether the consistency sampler is measured, which takes half as long again; false unless given. */
  readonly consistency?: boolean;
  /** The student at scales of guidance, if it takes them; none unless given. */
  readonly guidance?: { readonly scales: readonly number[]; readonly at: (scale: number) => Model };
}

/**
 * Fréchet distances from the data, by the features of EfficientNet-Lite0, of a student's samples in 1, 2 and 4 steps
 * and of its teacher's in 4, and the recall of 2,000 samples or more. Samples have the data's classes in the data's
 * proportions.
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
    const labelled = labels && { labels, classes: teacher.classes };
    const measured = async (model: Model, sampler: Sampler, steps: readonly number[], who: string) => {
      const samples = await sampleFixedNoises(model, sampler, steps, common);
      const [distances, recalls]: [Record<number, number>, Record<number, number>] = [{}, {}];
      const classes: Record<number, Readonly<Record<string, number>>> = {};
      for (const [i, n] of steps.entries()) {
        onProgress?.(`distance of the ${who}, ${n} ${n === 1 ? 'step' : 'steps'}`);
        const { distance, recall, byClass, ...said } = await judge.judge(samples[i]!, labelled);
        protocols = said;
        distances[n] = distance;
        if (byClass) classes[n] = byClass;
        if (recall !== undefined) recalls[n] = recall;
      }
      return { distances, recalls, classes };
    };
    const students = await measured(student, flowMapSampler(), STUDENT_STEPS, 'student');
    const teachers = await measured(teacher, euler(), TEACHER_STEPS, 'teacher');
    const consistent = options.consistency
      ? await measured(student, consistency(), CONSISTENCY_STEPS, 'consistency sampler')
      : undefined;
    const guidance: Record<number, number> = {};
    for (const scale of options.guidance?.scales ?? []) {
      const at = await measured(options.guidance!.at(scale), flowMapSampler(), [4], `student at λ ${scale}`);
      guidance[scale] = at.distances[4]!;
    }
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
      ...(labelled ? { byClass: byClassOf(data.classes, students.classes, teachers.classes) } : {}),
      ...(options.guidance ? { guidance } : {}),
      ...(consistent ? { consistency: consistent.distances as NonNullable<Distances['consistency']> } : {}),
    };
  } finally {
    await judge.dispose();
  }
}

/** Distances by steps and class as distances by class and steps. */
function byClassOf(
  classes: readonly string[],
  student: Readonly<Record<number, Readonly<Record<string, number>>>>,
  teacher: typeof student,
): NonNullable<Distances['byClass']> {
  const ofClass = <Steps extends number>(from: typeof student, steps: readonly Steps[], name: string): ByClass<Steps> =>
    Object.fromEntries(
      steps.map((n) => [n, Number.isNaN(from[n][name]!) ? null : from[n][name]!]),
    ) as unknown as ByClass<Steps>;
  return Object.fromEntries(
    classes.map((name) => [
      name,
      { student: ofClass(student, STUDENT_STEPS, name), teacher: ofClass(teacher, TEACHER_STEPS, name) },
    ]),
  );
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

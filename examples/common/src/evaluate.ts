import {
  compileSampler,
  euler,
  flowMapSampler,
  heun,
  normalBatch,
  uniformGrid,
  type Model,
  type Sampler,
} from '@flowmap/core';
import { hostTensor, sizeOf, type HostTensor, type Runtime } from '@flowmap/tensor';
import { interruptible } from 'flowmap/node';

/** Step counts at which teacher and student are compared. */
export const STEP_COUNTS = [1, 2, 4, 8, 16] as const;
export type StepCount = (typeof STEP_COUNTS)[number];

/** The step counts with pictures: with more steps a student looks the same. */
export const PICTURED_STEPS = [1, 2, 4, 8] as const satisfies readonly StepCount[];

/** A value for each step count. */
export type PerStepCount<T> = Readonly<Record<StepCount, T>>;

/** Calls a function for each step count. */
export function perStepCount<T>(f: (steps: StepCount) => T): PerStepCount<T> {
  return { 1: f(1), 2: f(2), 4: f(4), 8: f(8), 16: f(16) };
}

/** Steps of Heun's method that stand for the teacher's exact solution. */
export const REFERENCE_STEPS = 64;
/** Number of noises in an evaluation. */
export const EVALUATION_COUNT = 256;

/** Where the same noises end up with each method. */
export interface Endpoints {
  /** The teacher's ODE, solved by Heun's method in 64 steps: `[count, ...shape]`. */
  readonly reference: HostTensor;
  /** The teacher's ODE, solved by Euler's method. */
  readonly teacher: PerStepCount<HostTensor>;
  /** The student's flow map. */
  readonly student: PerStepCount<HostTensor>;
}

/** Options of sampling for an evaluation. */
export interface EvaluationOptions {
  readonly runtime: Runtime;
  /** Samples from each method; 256 unless given. */
  readonly count?: number;
  /** Where the samples start, `[count, ...shape]`; fixed normal noise unless given. */
  readonly noise?: HostTensor;
  /** Class of each sample; the classes in turn unless given. */
  readonly labels?: Int32Array;
  /** Samples per run of a sampler; 64 unless given. */
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
  /** Called with a description of what is being sampled. */
  readonly onProgress?: (stage: string) => void;
}

/** Classes of the samples of an evaluation: sample `i` has class `i mod classes`, or 0 if there are none. */
export function evaluationLabels(count: number, classes: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => (classes > 0 ? i % classes : 0));
}

/**
 * Samples a model with one sampler at several step counts, always from the same noises and labels. These are fixed, so
 * any two runs on data of the same shape can be compared.
 *
 * @returns samples `[count, ...shape]` for each step count
 * @throws the signal's reason when it fires
 */
export async function sampleFixedNoises(
  model: Model,
  sampler: Sampler,
  stepCounts: readonly number[],
  { runtime, batchSize = 64, signal, onProgress, ...given }: EvaluationOptions,
): Promise<HostTensor[]> {
  const { shape } = model.network.config;
  const count = given.noise?.shape[0] ?? given.count ?? EVALUATION_COUNT;
  const noise =
    (given.noise?.data as Float32Array | undefined) ??
    normalBatch({ seed: 0, purpose: 'evaluation' }, [count, ...shape]);
  const labels = given.labels ?? evaluationLabels(count, model.classes.length);
  const size = sizeOf(shape);
  const compiled = await compileSampler(interruptible(runtime, signal), model, { sampler, batchSize });
  try {
    const results: HostTensor[] = [];
    for (const steps of stepCounts) {
      onProgress?.(`${model.kind === 'flowMap' ? 'student' : 'teacher'}, ${steps} ${steps === 1 ? 'step' : 'steps'}`);
      const out = new Float32Array(noise.length);
      for (let first = 0; first < count; first += batchSize) {
        const part = noise.subarray(first * size, (first + batchSize) * size);
        const points = await compiled.sample({
          noise: hostTensor([part.length / size, ...shape], part),
          conditions: model.classes.length > 0 ? { label: labels.subarray(first, first + batchSize) } : {},
          times: uniformGrid(steps),
          ...{ seed: 0, firstSample: first }, // for samplers that draw noise
        });
        out.set(points.data, first * size);
      }
      results.push(hostTensor([count, ...shape], out));
    }
    return results;
  } finally {
    await compiled.dispose();
  }
}

/**
 * The endpoints of teacher and student from the same noises.
 *
 * @param teacher a velocity field
 * @param student a flow map
 * @throws the signal's reason when it fires
 */
export async function sampleEndpoints(teacher: Model, student: Model, options: EvaluationOptions): Promise<Endpoints> {
  const [reference] = await sampleFixedNoises(teacher, heun(), [REFERENCE_STEPS], options);
  const straight = await sampleFixedNoises(teacher, euler(), STEP_COUNTS, options);
  const leaps = await sampleFixedNoises(student, flowMapSampler(), STEP_COUNTS, options);
  const place = (steps: StepCount): number => STEP_COUNTS.indexOf(steps);
  return {
    reference: reference!,
    teacher: perStepCount((steps) => straight[place(steps)]!),
    student: perStepCount((steps) => leaps[place(steps)]!),
  };
}

/**
 * `sqrt(mean((x - y)^2))` over all values of all samples: the distance of endpoints from the reference, in the data's
 * units.
 *
 * @param samples `[count, ...shape]`
 * @param reference of the same shape
 */
export function endpointRmse(samples: HostTensor, reference: HostTensor): number {
  let sum = 0;
  for (let i = 0; i < samples.data.length; i++) sum += (samples.data[i]! - reference.data[i]!) ** 2;
  return Math.sqrt(sum / samples.data.length);
}

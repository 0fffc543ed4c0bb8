import { sizeOf, type HostTensor } from '@flowmap/tensor';
import { interruptible } from 'flowmap/node';
import type { Distances } from './distances.js';
import { endpointRmse, EVALUATION_COUNT, perStepCount, type Endpoints, type PerStepCount } from './evaluate.js';
import { machine, versions } from './machine.js';
import type { Instruments } from './instruments.js';
import { firstSamples } from './presentation.js';
import type { ExampleRun } from './example-run.js';
import type { Trained } from './run-folder.js';
import { forwardFlops, matmulGflops, median } from './speed.js';

/** Quality of a sampler at a step count. */
export interface Quality {
  /** Root mean square distance of the endpoints from the teacher's exact ones, in the data's units. */
  readonly endpointRmse: number;
  /** Further measures specific to an example, by name. */
  readonly [measure: string]: number;
}

/** Contents of a run's `metrics.json`. */
export interface Metrics {
  /** The teacher's ODE, solved by Euler's method. */
  readonly teacher: PerStepCount<Quality>;
  /** The student's flow map. */
  readonly student: PerStepCount<Quality>;
  /** Why the student errs where it does. */
  readonly instruments: Instruments;
  /** How far samples are from the data; only for images. */
  readonly distances?: Distances;
  /** The median distillation step; its floating-point operations are four times those of the student's forward pass. */
  readonly trainStep: { readonly gflops: number; readonly seconds: number };
  /** A 1024 x 1024 float32 matrix product on the same runtime in the same process. */
  readonly matmul: { readonly gflops: number };
  /** Seconds from the start of this process to the report. */
  readonly wallSeconds: number;
  /** Seconds of each part of the work, including those of interrupted processes. */
  readonly seconds: Readonly<Record<string, number>>;
  /** Number of parameters of the student's network. */
  readonly parameters: number;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly versions: Readonly<Record<string, string>>;
}

/** Options of {@link measure}. */
export interface MeasureOptions {
  readonly run: ExampleRun;
  readonly endpoints: Endpoints;
  readonly instruments: Instruments;
  readonly distances: Distances | undefined;
  readonly student: Trained;
  /** Seconds of each part of the work. */
  readonly parts: Readonly<Record<string, number>>;
}

/**
 * Measures everything that a run reports in numbers.
 *
 * @throws the signal's reason when it fires
 */
export async function measure(options: MeasureOptions): Promise<Metrics> {
  const { run, endpoints, instruments, distances, student, parts } = options;
  const { batchSize } = run.student;
  const quality = (samples: HostTensor): Quality => ({
    endpointRmse: endpointRmse(
      firstSamples(samples, EVALUATION_COUNT),
      firstSamples(endpoints.reference, EVALUATION_COUNT),
    ),
    ...run.presentation.measure?.(samples),
  });
  const seconds = median(student.log.map(({ imagesPerSecond }) => batchSize / imagesPerSecond));
  const { network } = student.model;
  return {
    teacher: perStepCount((steps) => quality(endpoints.teacher[steps])),
    student: perStepCount((steps) => quality(endpoints.student[steps])),
    instruments,
    ...(distances ? { distances } : {}),
    trainStep: { gflops: (4 * forwardFlops(network, batchSize)) / seconds / 1e9, seconds },
    matmul: { gflops: await matmulGflops(interruptible(run.runtime, run.signal)) },
    wallSeconds: performance.now() / 1000,
    seconds: parts,
    parameters: Object.values(network.parameters).reduce((total, { shape }) => total + sizeOf(shape), 0),
    machine: machine(),
    versions: versions(),
  };
}

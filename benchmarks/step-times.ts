import type { Batch, Phase, Trainee } from '@flowmap/core';
import type { Runtime } from '@flowmap/tensor';
import { train } from '@flowmap/train';

/** A training whose steps are timed. */
export interface TimedTraining {
  readonly runtime: Runtime;
  readonly student: Trainee;
  readonly phase: Phase;
  /** The data of every step. */
  readonly batch: Batch;
  readonly batchSize: number;
  /** Number of runs of the step program that are timed. */
  readonly runs: number;
  /** Number of runs before these, which warm up. */
  readonly warmupRuns: number;
  /** Number of steps per run; 1 unless given. */
  readonly stepsPerRun?: number;
}

/** Milliseconds of a training step for each timed run: inputs drawn, the step taken, and its numbers read. */
export async function stepTimes(training: TimedTraining): Promise<number[]> {
  const { runtime, student, phase, batch, batchSize, runs, warmupRuns, stepsPerRun = 1 } = training;
  const times: number[] = [];
  let last = NaN;
  await train({
    runtime,
    trainees: { student },
    phases: [phase],
    batches: { batchSize, batch: () => Promise.resolve(batch) },
    iterations: (warmupRuns + runs) * stepsPerRun,
    stepsPerRun,
    callbacks: [
      {
        name: 'clock',
        every: stepsPerRun,
        async run(moment) {
          await moment.record();
          const now = performance.now();
          if (moment.step > warmupRuns * stepsPerRun) times.push((now - last) / stepsPerRun);
          last = now;
        },
      },
    ],
  });
  return times;
}

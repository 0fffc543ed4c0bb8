import { mlp } from '@flowmap/core';
import { checkerboard } from '@flowmap/data';
import { runExample, scatter } from '@flowmap/example-common';
import type { HostTensor } from '@flowmap/tensor';
import { distillationOf, openRuntime, type CommandContext } from 'flowmap/node';
import type { CheckerboardConfig } from './settings.js';

/**
 * Trains a teacher on a checkerboard of points, distils it and writes the report.
 *
 * @returns the run's folder
 */
export async function runCheckerboard(
  { out, tensorboard, ...options }: CheckerboardConfig,
  context: CommandContext,
): Promise<string> {
  const { iterations, batchSize, learningRate, seed, stepsPerRun, width, depth } = options;
  const runtime = await openRuntime(options);
  const data = checkerboard({ seed });
  return runExample({
    subject: 'A checkerboard',
    runtime,
    data,
    teacher: {
      iterations: options.teacherIterations,
      batchSize,
      learningRate: options.teacherLearningRate,
      network: mlp({ shape: data.shape, width, depth }),
    },
    student: { iterations, batchSize, learningRate, ...(await distillationOf(options)) },
    seed,
    stepsPerRun,
    out,
    tensorboard,
    options,
    presentation: { picture: scatter, measure: (samples) => ({ onBoard: onBoard(samples) }) },
    samples: options.points,
    ...context,
  });

  /** Share of the points that lie on the board's dark squares. */
  function onBoard({ data: points, shape: [count = 0] }: HostTensor): number {
    let inside = 0;
    for (let i = 0; i < count; i++) {
      if (data.logDensity(points.subarray(2 * i, 2 * i + 2)) > -Infinity) inside++;
    }
    return inside / count;
  }
}

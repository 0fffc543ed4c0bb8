import { lengthBins, matchClasses, type Batch, type Dataset, type LengthBin, type Model } from '@flowmap/core';
import { mapErrorByLength, velocityDrift, type Drift } from '@flowmap/eval';
import { sizeOf } from '@flowmap/tensor';
import { lossByLength } from '@flowmap/train';
import { interruptible } from 'flowmap/node';
import type { ExampleRun } from './example-run.js';

/** What the instruments show for intervals of certain lengths. */
export interface LengthReading extends LengthBin {
  /** Root mean square of the map's error over jumps of these lengths, in the data's units. */
  readonly mapError: number;
  /** The same for the error divided by the length. */
  readonly mapErrorPerLength: number;
  /** Mean norm of the tangent before normalisation, for objectives that have one. */
  readonly tangentNorm?: number;
  /** Share of these lengths in the loss, the squared normalised tangent. */
  readonly tangentShare: number;
  /** Share of these lengths among the intervals that training draws. */
  readonly drawn: number;
}

/** Why a student errs: what `metrics.json` has as `instruments`. */
export interface Instruments {
  /** Number of samples that were noised. */
  readonly samples: number;
  /** Root mean square of `F(x, t, t) - v(x, t)` by time. */
  readonly velocityDrift: readonly Drift[];
  /** By length of the interval, from 1 down to 0: s = t. */
  readonly byLength: readonly LengthReading[];
}

/** Steps of Heun's method that stand for the teacher's exact solution over an interval. */
export const INSTRUMENT_HEUN_STEPS = 6;

/**
 * Reads the instruments for a trained student, on some samples with noise that training has not
 * seen.
 *
 * @throws the signal's reason when it fires
 */
export async function readInstruments(run: ExampleRun, teacher: Model, student: Model): Promise<Instruments> {
  const { iterations, objective } = run.student;
  const bins = lengthBins();
  const data = await someSamples(matchClasses(run.data, teacher).data);
  const common = { runtime: interruptible(run.runtime, run.signal), student, teacher, data };
  const drifts = await velocityDrift(common);
  const errors = await mapErrorByLength({ ...common, bins, heunSteps: INSTRUMENT_HEUN_STEPS });
  const progress = { step: iterations - 1, iterations };
  const losses = await lossByLength({ ...common, bins, objective, progress });
  return {
    samples: data.x.length / sizeOf(run.data.shape),
    velocityDrift: drifts,
    byLength: bins.map((bin, i) => {
      const { drawn, share, metrics } = losses[i]!;
      const { tangentNorm } = metrics;
      return {
        ...bin,
        mapError: errors[i]!.rms,
        mapErrorPerLength: errors[i]!.perLength,
        ...(tangentNorm === undefined ? {} : { tangentNorm }),
        tangentShare: share,
        drawn,
      };
    }),
  };
}

/** 1,024 points or 32 images, spread over the data; for endless data, samples that no training reaches. */
function someSamples(data: Dataset): Promise<Batch> {
  const count = data.shape.length === 1 ? 1024 : 32;
  const indexAt = (i: number): number =>
    Number.isFinite(data.length) ? Math.floor((i * data.length) / count) : 2 ** 40 + i;
  return data.batch(Array.from({ length: count }, (_, i) => indexAt(i)));
}

import type { Objective } from '@flowmap/core';
import { instrumentCharts, type ReportSection } from '@flowmap/eval';
import { advice } from './advice.js';
import { INSTRUMENT_HEUN_STEPS } from './instruments.js';
import type { Metrics } from './metrics.js';

/** The instruments as charts, with their advice if samples get worse with more steps. */
export function instrumentSection(metrics: Metrics, { watch }: Objective): ReportSection {
  const { velocityDrift, byLength, samples } = metrics.instruments;
  return {
    title: 'Why more steps help, or do not',
    text:
      'N steps are N jumps of length 1/N, and their errors add up. When the RMSE rises with N, look at the velocity drift (to lower it, ' +
      'raise the share at s = t or lower the learning rate), and whether the error per length rises towards short lengths, which are ' +
      `then starved (draw lengths log-uniformly). ${advice(metrics)} Measured on ${samples.toLocaleString('en-GB')} noised samples, ` +
      `with ${INSTRUMENT_HEUN_STEPS} Heun steps of the teacher for each interval; a length of 1/4 stands for those above 1/8 up to it, ` +
      'the shortest for all below.',
    charts: instrumentCharts({
      drift: velocityDrift,
      mapError: byLength.map(({ mapError, mapErrorPerLength, ...bin }) => ({
        ...bin,
        rms: mapError,
        perLength: mapErrorPerLength,
      })),
      loss: byLength.map(({ tangentShare, drawn, tangentNorm }) => ({
        share: tangentShare,
        drawn,
        ...(tangentNorm === undefined ? {} : { metrics: { tangentNorm } }),
      })),
      ...(watch === undefined ? {} : { watch }),
    }),
  };
}

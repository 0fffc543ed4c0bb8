import { advice } from './advice.js';
import { INSTRUMENT_HEUN_STEPS, type LengthReading } from './instruments.js';
import type { Metrics } from './metrics.js';
import type { Curve } from './report/line-chart.js';
import type { CurveSection } from './report/report.js';

/** The instruments as charts, with what they say when samples get worse with more steps. */
export function instrumentSection(metrics: Metrics): CurveSection {
  const { velocityDrift, byLength, samples } = metrics.instruments;
  const lengths = byLength.toReversed();
  const labels = lengths.map(({ to }) => (to === 0 ? 's = t' : to === 1 ? '1' : `1/${1 / to}`));
  const chart = (title: string, note: string, of: (reading: LengthReading) => number): Curve => ({
    title,
    note,
    over: 'the length t − s',
    labels,
    steps: lengths.map((_, i) => i),
    values: lengths.map(of),
    noisy: false,
  });
  return {
    title: 'Why more steps help, or do not',
    text:
      'N steps are N jumps of length 1/N, and their errors add up. When the RMSE rises with N, look at the velocity drift (to lower it, ' +
      'raise the share at s = t or lower the learning rate), and whether the error per length rises towards short lengths, which are ' +
      `then starved (draw lengths log-uniformly). ${advice(metrics)} Measured on ${samples.toLocaleString('en-GB')} noised samples, ` +
      `with ${INSTRUMENT_HEUN_STEPS} Heun steps of the teacher for each interval; a length of 1/4 stands for those above 1/8 up to it, ` +
      'the shortest for all below.',
    curves: [
      {
        title: 'Velocity drift',
        note: 'RMS of F(x, t, t) − v(x, t), from data at t = 0 to noise at 1',
        over: 'the time t',
        steps: velocityDrift.map(({ t }) => t),
        values: velocityDrift.map(({ rms }) => rms),
        noisy: false,
      },
      chart('Map error', "RMS distance from the teacher's end, by length t − s", ({ mapError }) => mapError),
      chart('Map error per length', 'the same divided by the length', ({ mapErrorPerLength }) => mapErrorPerLength),
      ...(lengths.every(({ tangentNorm }) => tangentNorm !== undefined)
        ? [chart('Tangent norm', 'before normalisation, by length', ({ tangentNorm = NaN }) => tangentNorm)]
        : []),
      {
        ...chart(
          'Share of the pull',
          'of the squared normalised tangent; grey: share of the intervals drawn',
          ({ tangentShare }) => tangentShare,
        ),
        behind: lengths.map(({ drawn }) => drawn),
      },
    ],
  };
}

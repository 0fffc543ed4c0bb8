import { advice } from './advice.js';
import type { LengthReading } from './instruments.js';
import type { Metrics } from './metrics.js';
import { INSTRUMENT_HEUN_STEPS } from './instruments.js';
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
      'N steps are N jumps of length 1/N, whose errors add up: when the RMSE rises with N, either the velocity F(x, t, t) has drifted ' +
      "from the teacher's (raise the share at s = t, or lower the learning rate), or short lengths are starved (draw lengths " +
      `log-uniformly), which shows as an error per length that rises to the left. ${advice(metrics)} Measured on ` +
      `${samples.toLocaleString('en-GB')} noised samples; the exact map by ${INSTRUMENT_HEUN_STEPS} Heun steps for each ` +
      'interval. A length of 1/4 stands for all from 1/8 to it, the shortest for all below.',
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
        ...chart('Share of the pull', 'of the squared normalised tangent', ({ tangentShare }) => tangentShare),
        behind: lengths.map(({ drawn }) => drawn),
        note: 'of the squared normalised tangent; faint: share of the intervals drawn',
      },
    ],
  };
}

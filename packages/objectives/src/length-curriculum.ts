import { requireKnownOptions } from '@flowmap/tensor';
import { requirePositive } from './internal/checks.js';
import { nestedSettings, startOf, type DrawKey, type IntervalLengths } from './intervals.js';

/** Settings of {@link lengthCurriculum}. */
export interface LengthCurriculumOptions {
  /** Factor in the first step, in (0, 1]. */
  readonly from: number;
  /** Final factor, in (0, 1]; 1 unless given. */
  readonly to?: number;
  /** Share of the run over which the factor changes, in (0, 1]; 0.5 unless given. No effect where `from` and `to` are equal. */
  readonly over?: number;
}

/**
 * A curriculum of interval lengths: those of a distribution, times a factor that grows or shrinks during training, by
 * the same ratio in each step. A flow map is learned from short intervals to long ones, so growing lengths learn the
 * short ones first, and the velocity at s = t drifts less while intervals are short.
 *
 * The factor depends only on the step and the number of iterations, so a resumed run continues it.
 *
 * @param lengths the distribution at a factor of 1
 * @throws {ConfigError} for a factor or a share out of its range
 *
 * @example
 * const growing = lengthCurriculum(logUniformLengths(), { from: 1 / 8 });
 */
export function lengthCurriculum(lengths: IntervalLengths, options: LengthCurriculumOptions): IntervalLengths {
  requireKnownOptions('lengthCurriculum', options, { from: true, to: true, over: true });
  const { from, to = 1, over = 0.5 } = options;
  for (const [name, value] of Object.entries({ from, to, over })) requirePositive(`lengthCurriculum.${name}`, value, 1);
  const factorAt = ({ step, iterations }: DrawKey): number => {
    const progress = Math.min(1, step / (over * iterations));
    return progress === 1 ? to : from * (to / from) ** progress;
  };
  const [shortest, longest] = lengths.range ?? [0, 1];
  return {
    name: 'curriculum',
    config: { from, to, over, ...nestedSettings('lengths', lengths) },
    held: lengths.held,
    range: [shortest * Math.min(from, to), longest * Math.max(from, to)],
    draw: (key) => factorAt(key) * lengths.draw(key),
    start: (key, length) => startOf(lengths, key, length),
  };
}

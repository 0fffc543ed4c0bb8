import { full, requireKnownOptions, type Tensor } from '@flowmap/tensor';
import { requirePositive } from './internal/checks.js';

/**
 * A weight `w(t, s)` on the loss of a sample: it decides which errors matter most when the student cannot be
 * right everywhere.
 */
export interface LossWeight {
  readonly name: string;
  /** Its settings, defaults included. */
  readonly config: Readonly<Record<string, number>>;
  /**
   * The weights of a batch: finite, at least 0.
   *
   * @param t start times `[batch]`
   * @param s target times `[batch]`
   * @returns `[batch]`
   */
  weight(t: Tensor, s: Tensor): Tensor;
}

/**
 * `w = |t - s|^power`, which is 0 for samples at s = t. The losses here are on the average velocity F, so they are the
 * loss on the endpoint f divided by `|t - s|^2`: the power 2 weights all errors of f equally, which is `w(t, s) = 1` in
 * the theorems of "Align Your Flow" (Sabour, Fidler, Kreis 2025, section 3.2). Without a weight, the loss is that of
 * Algorithm 1.
 *
 * @param options.power > 0; 2 unless given
 * @throws {ConfigError} for a power that is not positive
 */
export function lengthWeight(options: { power?: number } = {}): LossWeight {
  requireKnownOptions('lengthWeight', options, { power: true });
  const { power = 2 } = options;
  requirePositive('lengthWeight.power', power);
  return {
    name: 'length',
    config: { power },
    weight(t, s) {
      const length = t.sub(s).abs();
      // A length of 0 has no logarithm, so 1e-30 stands for it; its power is as good as 0.
      return power === 2 ? length.square() : power === 1 ? length : length.maximum(1e-30).log().mul(power).exp();
    },
  };
}

/**
 * `w = cos(π (1 - t) / 2)`: 1 for samples that start at noise, 0 for those that start at data. This is FACM's weight,
 * whose time is 1 - t.
 */
export function cosineWeight(): LossWeight {
  return {
    name: 'cosine',
    config: {},
    weight: (t) =>
      full(1)
        .sub(t)
        .mul(Math.PI / 2)
        .cos(),
  };
}

/** A weight as settings of an objective: its name, and its own settings as `weight.power`; nothing without one. */
export function weightSettings(weight: LossWeight | undefined): Record<string, string | number> {
  if (weight === undefined) return {};
  const own = Object.entries(weight.config).map(([setting, value]) => [`weight.${setting}`, value]);
  return { weight: weight.name, ...(Object.fromEntries(own) as Record<string, number>) };
}

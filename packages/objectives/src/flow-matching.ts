import { ConfigError, type Draws, type Objective } from '@flowmap/core';
import { requireKnownOptions } from '@flowmap/tensor';
import { requireOneOf, requirePositive } from './internal/checks.js';
import { meanNorm, squaredError } from './internal/norms.js';
import { logitNormalPerSample, uniformPerSample } from './internal/per-sample.js';

/** Settings of {@link flowMatching}. */
export interface FlowMatchingOptions {
  /**
   * Distribution of t: `uniform` on [0, 1), or `logit-normal`, `t = sigmoid(mean + std z)` (Esser et al., "Scaling
   * rectified flow transformers", 2024, section 3.1), which puts more weight on the middle of the path; `logit-normal`
   * unless given.
   */
  readonly times?: 'logit-normal' | 'uniform';
  /** Mean of the logit of t, for `logit-normal` only; 0 unless given. */
  readonly mean?: number;
  /** Standard deviation of the logit of t, for `logit-normal` only, > 0; 1 unless given. */
  readonly std?: number;
}

/**
 * Flow matching: `E || v(x_t, t) - (z - x_0) ||^2`, whose minimum is the marginal velocity (Lipman et al., "Flow
 * matching for generative modeling", 2023; Liu et al., "Flow straight and fast", 2023). Summed over a sample's values,
 * averaged over the batch. A network with an interval input is trained at s = t.
 *
 * Metric: `velocityError`, the mean of `||v - (z - x_0)||`, L2 over all values of a sample.
 *
 * @throws {ConfigError} for an unknown setting, one without effect, or a standard deviation that is not positive
 */
export function flowMatching(options: FlowMatchingOptions = {}): Objective {
  requireKnownOptions('flowMatching', options, { times: true, mean: true, std: true });
  const { times = 'logit-normal', mean = 0, std = 1 } = options;
  requireOneOf('flowMatching.times', times, ['logit-normal', 'uniform']);
  for (const name of ['mean', 'std'] as const) {
    if (times !== 'uniform' || options[name] === undefined) continue;
    throw new ConfigError(`flowMatching.${name}`, "has no effect with times: 'uniform'; leave out one of the two");
  }
  requirePositive('flowMatching.std', std);
  return {
    name: 'flow-matching',
    config: times === 'uniform' ? { times } : { times, mean, std },
    needs: { teacher: false },
    watch: 'velocityError',
    about: {
      title: 'flow matching',
      text:
        'From a point between data and noise the network predicts the direction from one to the other. Many samples lead to ' +
        'the same point, so the loss levels off above zero.',
      metrics: { velocityError: 'mean of ‖v − (noise − data)‖' },
    },
    schedules: {},
    draw(key, batchSize): Draws {
      const t =
        times === 'uniform'
          ? uniformPerSample(key, 'times', batchSize)
          : logitNormalPerSample(key, 'times', batchSize, { mean, std });
      return { t, s: t };
    },
    loss({ student, xt, t, velocity }) {
      const v = student.averageVelocity(xt, t, t);
      const target = velocity(xt, t);
      return { loss: squaredError(v, target), metrics: { velocityError: meanNorm(v.sub(target)) } };
    },
  };
}

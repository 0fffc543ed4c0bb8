import { full, grad, inWords, requireKnownOptions, requireMember, select, type Tensor } from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import { perSample } from '../path.js';
import type { FlowMap } from '../plugins.js';
import { carriedStep } from '../samplers/carried-step.js';
import type { Sampler } from '../samplers/sampler.js';
import { checkedValue, rewardOf, type Reward } from './reward.js';

/** Options of {@link rewardGuided}. */
export interface RewardGuidedOptions {
  /** What samples shall have much of: a function of them, or a {@link measurement}. */
  readonly reward: Reward | Reward['value'];
  /** Factor of the gradient, > 0; with `normalize`, how far each step moves the values, as their root mean square. */
  readonly scale: number;
  /** Whether each sample's gradient is scaled to a root mean square of 1 first; false unless given. */
  readonly normalize?: boolean;
}

/**
 * Another sampler, guided by a reward through the flow map: before each step the points are moved along the gradient of
 * the reward of the data that the map sees from them,
 *
 *     x_t <- x_t + w grad_x r(f(x_t, t, 0)).
 *
 * A flow map sees in one evaluation what becomes of a point, where a velocity field has only the mean data,
 * `x_t - t v`, with which this is diffusion posterior sampling (Chung et al., 2023). Each step takes an evaluation of
 * the map and its gradient more. How strongly a scale pulls depends on the reward, the model and the number of steps;
 * {@link optimizeNoise} weighs reward and model by their probabilities.
 *
 * @param sampler the other sampler: `flowMapSampler()`, `heun()`
 * @throws {ConfigError} for an unknown option, or a scale that is not a number > 0
 * @throws {ShapeError} on tracing, for a reward that is not `[batch]`
 *
 * @example
 * const bright = rewardGuided(flowMapSampler(), { reward: (x) => x.mean([1, 2, 3]), scale: 0.1, normalize: true });
 * const images = await generate(student, { runtime, sampler: bright, count: 16, seed: 0, steps: 4 });
 */
export function rewardGuided(sampler: Sampler, options: RewardGuidedOptions): Sampler {
  requireKnownOptions('rewardGuided', options, { reward: true, scale: true, normalize: true });
  requireMember('rewardGuided', sampler, { member: 'step', wanted: 'a sampler, such as `heun()`' });
  const { scale, normalize = false } = options;
  if (!(scale > 0 && scale < Infinity)) {
    throw new ConfigError('rewardGuided.scale', `wanted a number > 0, got ${inWords(scale)}`);
  }
  const reward = rewardOf(options.reward);
  return {
    ...sampler,
    name: `${sampler.name} guided by a reward`,
    config: { ...sampler.config, scale, normalize },
    step(field, x, t, s, extra) {
      const gradient = rewardGradient(reward, field, x, t);
      const direction = normalize ? gradient.div(rootMeanSquare(gradient).maximum(SMALLEST)) : gradient;
      const { x: next, carry } = carriedStep(sampler.step(field, x.add(direction.mul(scale)), t, s, extra));
      return { x: select(perSample(s.equal(t), x).broadcastTo(x.shape), x, next), carry };
    },
  };
}

/** Avoids division by zero where a reward has no gradient. */
const SMALLEST = 1e-30;

/** The gradient of `r(f(x, t, 0))` with respect to x. */
function rewardGradient(reward: Reward, field: FlowMap, x: Tensor, t: Tensor): Tensor {
  const [gradient] = grad((point) => checkedValue(reward, field.map(point, t, full(0, t.shape))).sum(), [x]);
  return gradient!;
}

/** Root mean square of each sample's values, shaped to combine with them. */
function rootMeanSquare(x: Tensor): Tensor {
  return x
    .square()
    .mean(x.shape.map((_, axis) => axis).slice(1), true)
    .sqrt();
}

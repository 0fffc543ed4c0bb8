import { batchSpecs, ConfigError, conditionalVelocity, flowMap, interpolate } from '@flowmap/core';
import type { Network, Objective, VelocityField } from '@flowmap/core';
import {
  gradients,
  program,
  full,
  stopGradient,
  type Program,
  type SpecLike,
  type Tensor,
  type Tensors,
} from '@flowmap/tensor';
import { flushed } from './internal/denormals.js';
import { prefixed, withPrefix } from './internal/names.js';
import type { Optimizer } from './optimizer.js';

/** What a training step is made of. */
export interface TrainStepOptions {
  readonly network: Network;
  readonly objective: Objective;
  readonly optimizer: Optimizer;
  /** Where the objective's velocity comes from, when it needs a teacher. */
  readonly teacher?: VelocityField;
  /** Samples of one step. */
  readonly batchSize: number;
  /** True scales a gradient whose norm exceeds the input `maxGradientNorm` down to it; false unless given. */
  readonly clipGradient?: boolean;
  /**
   * True sets to zero what the optimizer's slots and the average of the weights would hold of numbers too small for a normal
   * float32; true unless given. Means that decay while there is no gradient end up there, never reach zero by themselves, and
   * processors take many times as long over them. A runtime that counts such numbers as zero (`Runtime.flushesDenormals`) does
   * without.
   */
  readonly flushDenormals?: boolean;
}

/**
 * One whole training step as one program: noising, the teacher's velocity, the objective with its derivatives, the gradient,
 * the optimizer's update and the moving average of the weights. Everything that changes from step to step is an input, so it
 * is traced and compiled once.
 *
 * Inputs: `x0` and `noise` `[batch, ...shape]`, `t` and `s` `[batch]`, the network's
 * `conditions.*` `[batch, ...shape]`, and scalars: `emaDecay`, `maxGradientNorm` when clipping, `schedules.*` of the objective, `optimizer.*` of the
 * optimizer. State: `params.*`, `ema.*`, each of the optimizer's slots (`m.*`, `v.*`), and the teacher's `teacher.*`,
 * which no step changes. Outputs, scalars: `loss`, the objective's metrics, and `gradientNorm` before clipping.
 *
 * {@link initialState} and {@link trainFeeds} make its state and its inputs.
 *
 * @throws {ConfigError} when the objective needs a teacher and there is none
 */
export function trainStep(options: TrainStepOptions): Program {
  const { network, objective, optimizer, teacher, batchSize, clipGradient = false, flushDenormals = true } = options;
  if (objective.needs.teacher && teacher === undefined) {
    throw new ConfigError('objective', `${objective.name} needs a teacher's velocity, and there is no teacher`);
  }
  const frozen = objective.needs.teacher ? teacher : undefined;
  const batch = [batchSize, ...network.config.shape];
  const scalars = (names: readonly string[]): Record<string, SpecLike> =>
    Object.fromEntries(names.map((name) => [name, []]));
  const inputs: Record<string, SpecLike> = {
    x0: batch,
    noise: batch,
    t: [batchSize],
    s: [batchSize],
    ...withPrefix('conditions', batchSpecs(network.conditions, batchSize)),
    ...scalars(['emaDecay', ...(clipGradient ? ['maxGradientNorm'] : [])]),
    ...withPrefix('schedules', scalars(Object.keys(objective.schedules))),
    ...withPrefix('optimizer', scalars(Object.keys(optimizer.scalars(0, 0)))),
  };
  const state: Record<string, SpecLike> = Object.assign(
    withPrefix<SpecLike>('params', network.parameters),
    withPrefix('ema', network.parameters),
    ...optimizer.slots.map((slot) => withPrefix(slot, network.parameters)),
    withPrefix('teacher', frozen?.parameters ?? {}),
  ) as Record<string, SpecLike>;

  return program(`${objective.name} step`, { inputs, state }, (inputs, state) => {
    const [x0, noise, t, s] = [inputs['x0']!, inputs['noise']!, inputs['t']!, inputs['s']!];
    const conditions = prefixed('conditions', inputs);
    const params = prefixed('params', state);

    const xt = interpolate(x0, noise, t);
    const velocity = (x: Tensor, time: Tensor): Tensor => {
      if (frozen) {
        return stopGradient(frozen.velocity(prefixed('teacher', state), { x, t: time, conditions }));
      }
      if (x === xt && time === t) return conditionalVelocity(x0, noise);
      throw new ConfigError(
        'objective',
        `${objective.name} needs a velocity elsewhere than at x_t, and there is no teacher`,
      );
    };
    const student = flowMap(network, params, { conditions });
    const schedules = prefixed('schedules', inputs);
    const { loss, metrics } = objective.loss({ student, x0, noise, xt, t, s, draws: {}, velocity, schedules });

    const gradient = gradients(loss, params);
    const gradientNorm = Object.values(gradient)
      .reduce((total, g) => total.add(g.square().sum()), full(0))
      .sqrt();
    const maxNorm = inputs['maxGradientNorm'];
    const scale = maxNorm?.div(gradientNorm).minimum(1);

    const kept = flushDenormals ? flushed : (value: Tensor): Tensor => value;
    const updates: Record<string, Tensor> = {};
    const optimizerScalars = prefixed('optimizer', inputs);
    for (const [name, parameter] of Object.entries(params)) {
      const slots: Tensors = Object.fromEntries(optimizer.slots.map((slot) => [slot, state[`${slot}.${name}`]!]));
      const g = gradient[name]!;
      const updated = optimizer.update({ parameter, slots }, scale ? g.mul(scale) : g, optimizerScalars);
      updates[`params.${name}`] = updated.parameter;
      for (const slot of optimizer.slots) updates[`${slot}.${name}`] = kept(updated.slots[slot]!);
      // ema <- beta ema + (1 - beta) theta = theta + beta (ema - theta)
      const ema = state[`ema.${name}`]!;
      const average = updated.parameter.add(ema.sub(updated.parameter).mul(inputs['emaDecay']!));
      updates[`ema.${name}`] = kept(average);
    }
    return { outputs: { ...metrics, loss, gradientNorm }, state: updates };
  });
}

import { ConfigError } from '@flowmap/core';
import { requireKnownOptions } from '@flowmap/tensor';
import type { Optimizer } from './optimizer.js';

/** Settings of {@link adamw}. */
export interface AdamwOptions {
  /** Decay of the mean of the gradient, in [0, 1); 0.9 unless given. */
  readonly beta1?: number;
  /**
   * Decay of the mean of the squared gradient, in [0, 1); 0.99 unless given, which suits runs of a few thousand steps.
   */
  readonly beta2?: number;
  /** Added to the root of the second moment, > 0; 1e-8 unless given. */
  readonly epsilon?: number;
  /** Decoupled weight decay lambda of every parameter, per unit of learning rate, >= 0; 0 (none) unless given. */
  readonly weightDecay?: number;
}

/**
 * AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019, algorithm 2):
 * `theta <- theta - eta (mHat / (sqrt(vHat) + epsilon) + lambda theta)` with bias-corrected means `mHat`, `vHat` of the
 * gradient and its square.
 *
 * The form used here needs few passes over memory. With `M = m / (1 - beta1)` and `V = v / (1 - beta2)`,
 * `M <- beta1 M + g` and `V <- beta2 V + g^2`; scales and bias corrections are folded into two scalars computed on the
 * host: `theta <- theta - rate M / (sqrt(V) + epsilon')`. The slots hold `beta1 M` and `beta2 V`, which the next step
 * adds to. That way no part of the optimizer can be computed before the gradient, which would slow down onnxruntime's
 * passes over large graphs.
 *
 * @throws {ConfigError} for a setting out of its range
 */
export function adamw(options: AdamwOptions = {}): Optimizer {
  requireKnownOptions('adamw', options, { beta1: true, beta2: true, epsilon: true, weightDecay: true });
  const { beta1 = 0.9, beta2 = 0.99, epsilon = 1e-8, weightDecay = 0 } = options;
  requireRange('adamw.beta1', '[0, 1)', beta1, beta1 >= 0 && beta1 < 1);
  requireRange('adamw.beta2', '[0, 1)', beta2, beta2 >= 0 && beta2 < 1);
  requireRange('adamw.epsilon', '(0, ∞)', epsilon, epsilon > 0);
  requireRange('adamw.weightDecay', '[0, ∞)', weightDecay, weightDecay >= 0);
  return {
    name: 'adamw',
    config: { beta1, beta2, epsilon, weightDecay },
    slots: ['m', 'v'],
    scalars(learningRate, step) {
      const k1 = (1 - beta1) / (1 - beta1 ** (step + 1)); // mHat = k1 M
      const k2 = Math.sqrt((1 - beta2) / (1 - beta2 ** (step + 1))); // sqrt(vHat) = k2 sqrt(V)
      const rate = { rate: (learningRate * k1) / k2, epsilon: epsilon / k2 };
      return weightDecay === 0 ? rate : { ...rate, keep: 1 - learningRate * weightDecay };
    },
    update({ parameter, slots }, gradient, { rate, epsilon, keep }) {
      const m = slots['m']!.add(gradient);
      const v = slots['v']!.add(gradient.square());
      const kept = keep === undefined ? parameter : parameter.mul(keep);
      const updated = kept.sub(m.div(v.sqrt().add(epsilon!)).mul(rate!));
      return { parameter: updated, slots: { m: m.mul(beta1), v: v.mul(beta2) } };
    },
  };
}

function requireRange(option: string, range: string, value: number, inside: boolean): void {
  if (!inside) throw new ConfigError(option, `wanted a number in ${range}, got ${value}`);
}

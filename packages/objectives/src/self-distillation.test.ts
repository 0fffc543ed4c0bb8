import { referenceRuntime } from '@flowmap/runtime-reference';
import { toyF, toyGradient } from './__fixtures__/toy-gradients.js';
import { eulerianSelfDistillation } from './eulerian-self-distillation.js';
import { lagrangianSelfDistillation } from './lagrangian-self-distillation.js';
import { progressiveSelfDistillation } from './progressive-self-distillation.js';
import { describeObjective, toyAverageVelocity } from './testing/index.js';

const runtime = referenceRuntime();
const ofDerivative = { runtime, usesTimeDerivative: true, gradientThroughDerivative: true };

describeObjective('lagrangianSelfDistillation', lagrangianSelfDistillation, {
  ...ofDerivative,
  // D = F + (s - t) ∂F/∂s = a x (1 + b t + d s + (s - t) d)
  gradient(sample, params) {
    const { xt, t, s, velocity } = sample;
    const { a, b, d } = params;
    const factor = 1 + b * t + d * s + (s - t) * d;
    const end = xt + (s - t) * toyF(sample, params);
    const target = t === s ? velocity : toyAverageVelocity(params, sample, end, s, s);
    const pull = 2 * (a * factor * xt - target) * xt;
    return [pull * factor, pull * a * t, pull * a * (2 * s - t), pull * -((t - s) ** 2)];
  },
});

describeObjective('eulerianSelfDistillation', eulerianSelfDistillation, {
  ...ofDerivative,
  // F + (t - s) ∂F/∂t = a x (1 + b t + d s + (t - s) b)
  gradient(sample, params) {
    const { xt, t, s, velocity } = sample;
    const { a, b, d } = params;
    const factor = 1 + b * t + d * s + (t - s) * b;
    const v = toyAverageVelocity(params, sample, xt, t, t);
    const target = t === s ? velocity : v - (t - s) * a * (1 + b * t + d * s) * v;
    const pull = 2 * (a * factor * xt - target) * xt;
    return [pull * factor, pull * a * (2 * t - s), pull * a * s, pull * (t - s) ** 2];
  },
});

describeObjective('progressiveSelfDistillation', progressiveSelfDistillation, {
  runtime,
  usesTimeDerivative: true,
  gradient(sample, params) {
    const { xt, t, s, velocity, draws } = sample;
    const share = draws['share']![0]!;
    const middle = t + share * (s - t);
    const first = toyAverageVelocity(params, sample, xt, t, middle);
    const second = toyAverageVelocity(params, sample, xt + (middle - t) * first, middle, s);
    const target = t === s ? velocity : share * first + (1 - share) * second;
    return toyGradient(sample, params, 2 * (toyF(sample, params) - target));
  },
});

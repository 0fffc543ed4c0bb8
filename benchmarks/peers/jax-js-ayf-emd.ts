import { jvp, lax, numpy as np } from '@jax-js/jax';
import { add, div, mul, reshape, sqrt, square, sub } from './jax-js-models.js';

/**
 * The Eulerian distillation loss of "Align Your Flow" (Sabour, Fidler, Kreis 2025), Algorithm 1: that of
 * tools/reference/ayf_emd.py, with its metrics.
 */
export function ayfEmd(
  averageVelocity: (x: np.Array, t: np.Array) => np.Array,
  xt: np.Array,
  t: np.Array,
  s: np.Array,
  velocity: np.Array,
  r: number,
  c: number,
): [np.Array, Record<string, np.Array>] {
  const ones = np.ones(t.shape);
  const [F, dF] = jvp(averageVelocity, [xt.ref, t.ref], [velocity.ref, ones]);
  const weight = reshape(mul(sub(t, s), r), [t.shape[0]!, ...xt.shape.slice(1).map(() => 1)]);
  const fixed = lax.stopGradient(F.ref);
  const error = sub(fixed, velocity);
  const g = add(error, mul(weight, lax.stopGradient(dF.ref)));
  const target = sub(fixed, div(g, add(sampleNorm(g), c)));
  const loss = div(np.sum(square(sub(F, target))), xt.shape[0]!);
  return [loss, { tangentNorm: np.mean(sampleNorm(g)), velocityError: np.mean(sampleNorm(error)) }];
}

/** L2 norm over all values of a sample, kept with extent 1. */
function sampleNorm(x: np.Array): np.Array {
  return sqrt(np.sum(square(x), [...x.shape.keys()].slice(1), { keepdims: true }));
}

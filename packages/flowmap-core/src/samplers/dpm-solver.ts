import { and, not, select, type Tensor } from '@flowmap/tensor';
import { pathEnds } from '../path-ends.js';
import { perSample } from '../path.js';
import type { Sampler } from './sampler.js';

/**
 * DPM-Solver++(2M) (Lu et al., "DPM-Solver++: Fast solver for guided sampling of diffusion probabilistic models", 2022,
 * algorithm 2), a two-step method in half the logarithm of the signal-to-noise ratio, `lambda = ln(alpha / sigma)`. The
 * mean data `D` that the velocity says is extrapolated in lambda from this step and the one before, and the rest is
 * integrated exactly:
 *
 *     x_s = sigma_s / sigma_t x_t + (alpha_s - sigma_s alpha_t / sigma_t) ((1 + q) D - q D_before)
 *
 * with `h = lambda_s - lambda_t` and `q = h / (2 h_before)`. Of order 2 with one evaluation per step. The first step is
 * of order 1 (`q = 0`, which is DDIM's, and Euler's on the linear path), and so are those that lambda gives no finite
 * length: from t = 1, the one after that, and to s = 0.
 *
 * @example
 * const points = await generate(teacher, { runtime, sampler: dpmSolver(), count: 16, seed: 0, steps: 16 });
 */
export function dpmSolver(): Sampler {
  return {
    name: 'dpm-solver++(2m)',
    config: {},
    needs: { interval: false },
    carry: (shape) => ({
      data: { shape, dtype: 'float32' },
      length: { shape: shape.slice(0, 1), dtype: 'float32' },
    }),
    step(field, x, t, s, { path, carry }) {
      const ends = pathEnds(path, x, field.averageVelocity(x, t, t), perSample(t, x));
      const [start, end] = [path.at(t), path.at(s)];
      const length = logRatio(end.alpha.mul(start.sigma), end.sigma.mul(start.alpha));
      const before = carry['length']!;
      const first = before.equal(0);
      const ratio = select(first, 0, length.div(select(first, 1, before)).mul(0.5));
      const noiseless = start.sigma.equal(0);
      const share = end.sigma.mul(start.alpha).div(select(noiseless, 1, start.sigma));
      const factor = end.alpha.sub(share).mul(select(noiseless, 0, ratio));
      // sigma_s / sigma_t x_t is sigma_s z less what the factor of D has of it, and finite at t = 0 too.
      const straight = perSample(end.alpha, x).mul(ends.x0).add(perSample(end.sigma, x).mul(ends.z));
      const next = straight.add(perSample(factor, x).mul(ends.x0.sub(carry['data']!)));
      const still = s.equal(t);
      const keep = (kept: Tensor, other: Tensor): Tensor =>
        select(perSample(still, x).broadcastTo(x.shape), kept, other);
      return {
        x: keep(x, next),
        carry: { data: keep(carry['data']!, ends.x0), length: select(still, before, length) },
      };
    },
  };
}

/** `ln(a / b)` of numbers >= 0; 0 where it is infinite. */
function logRatio(a: Tensor, b: Tensor): Tensor {
  const isFinite = and(not(a.equal(0)), not(b.equal(0)));
  return select(isFinite, a, 1)
    .div(select(isFinite, b, 1))
    .log();
}

import { requireKnownOptions, requireMember, requireWhole, select, type Tensor } from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import { perSample, type Path } from '../path.js';
import { carriedStep } from './carried-step.js';
import type { Sampler } from './sampler.js';

/**
 * Restart sampling (Xu et al., "Restart sampling for improving generative processes", 2023): another sampler, on grids
 * that also go back up, such as those of {@link restartGrid}. A step towards data is the other sampler's. A step towards
 * noise, from t to `s > t`, adds the noise that the path has more of at s,
 *
 *     x_s = a x_t + sqrt(sigma_s^2 - a^2 sigma_t^2) z,   a = alpha_s / alpha_t,
 *
 * which keeps the law exact and forgets errors of the steps before, so that the sampler corrects them on its way down.
 * What a multistep method carries starts anew. A step towards noise takes as long as one of the other sampler, whose
 * result it leaves unused.
 *
 * @param sampler the other sampler: `flowMapSampler()`, `heun()`
 *
 * @example
 * const sampler = await compileSampler(runtime, student, { sampler: restart(flowMapSampler()), batchSize: 16 });
 * const times = restartGrid(uniformGrid(4), { low: 0.25, high: 0.5, repeats: 2 });
 * const points = await sampler.sample({ count: 16, seed: 0, times });
 */
export function restart(sampler: Sampler): Sampler {
  requireMember('restart', sampler, { member: 'step', wanted: 'a sampler, such as `heun()`' });
  return {
    name: `restart of ${sampler.name}`,
    config: sampler.config,
    needs: sampler.needs,
    draws: 'normal',
    ...(sampler.carry ? { carry: (shape) => sampler.carry!(shape) } : {}),
    step(field, x, t, s, extra) {
      const { x: down, carry } = carriedStep(sampler.step(field, x, t, s, extra));
      const isUp = s.greater(t);
      const up = noised(x, t, s, extra.noise!, extra.path);
      return {
        x: select(perSample(isUp, x).broadcastTo(x.shape), up, down),
        carry: Object.fromEntries(
          Object.entries(carry).map(([name, kept]) => {
            const mask = perSample(isUp, kept).broadcastTo(kept.shape);
            return [name, select(mask, kept.sub(kept), kept)];
          }),
        ),
      };
    },
  };
}

/** Smallest factor of the data that is divided by; only steps towards data start where it is smaller. */
const SMALLEST = 1e-30;

/** Points with the noise added that the path has more of at s than at t. */
export function noised(x: Tensor, t: Tensor, s: Tensor, z: Tensor, path: Path): Tensor {
  const [start, end] = [path.at(t), path.at(s)];
  const kept = end.alpha.div(start.alpha.maximum(SMALLEST));
  const added = end.sigma.square().sub(kept.mul(start.sigma).square()).maximum(0).sqrt();
  return perSample(kept, x).mul(x).add(perSample(added, x).mul(z));
}

/** Where a grid goes back up. */
export interface RestartOptions {
  /** Time to go back from, one of the grid's, below `high` (Xu et al.: t_min). */
  readonly low: number;
  /** Time to go back to, at most 1 (Xu et al.: t_max). */
  readonly high: number;
  /** How often, at least 1 (Xu et al.: K); 1 unless given. */
  readonly repeats?: number;
  /** Equal steps from `high` down to `low`, at least 1; 1 unless given. */
  readonly steps?: number;
}

/**
 * A grid that goes back from one of its times, for {@link restart}: after `low` it goes up to `high` and down to `low`
 * again, `repeats` times. Each repeat adds `steps + 1` steps.
 *
 * @param times descending
 * @throws {ConfigError} for an unknown option, a time `low` that the grid does not have, a time `high` that is not above
 *   it and at most 1, or counts that are not whole numbers >= 1
 *
 * @example
 * restartGrid([1, 0.5, 0], { low: 0.5, high: 0.75 }); // 1, 0.5, 0.75, 0.5, 0
 */
export function restartGrid(times: ArrayLike<number>, options: RestartOptions): Float32Array<ArrayBuffer> {
  requireKnownOptions('restartGrid', options, { low: true, high: true, repeats: true, steps: true });
  const { low, high, repeats = 1, steps = 1 } = options;
  requireWhole('restartGrid.repeats', repeats);
  requireWhole('restartGrid.steps', steps);
  const grid = Array.from(times);
  // A grid in single precision has no time that is exactly 0.3.
  const place = grid.findIndex((time) => Math.fround(time) === Math.fround(low));
  if (place === -1) throw new ConfigError('restartGrid.low', `wanted one of the times ${grid.join(', ')}; got ${low}`);
  if (!(high > low && high <= 1)) {
    throw new ConfigError('restartGrid.high', `wanted a time above low = ${low} and at most 1, got ${high}`);
  }
  const down = Array.from({ length: steps + 1 }, (_, i) => (i === steps ? low : high + ((low - high) * i) / steps));
  const again = Array.from({ length: repeats }, () => down).flat();
  return Float32Array.from([...grid.slice(0, place + 1), ...again, ...grid.slice(place + 1)]);
}

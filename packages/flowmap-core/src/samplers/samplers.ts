import type { Program } from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import { perSample } from '../path.js';
import { samplerProgram, type SamplerOptions } from './program.js';

/**
 * A flow map's sampler: `x <- f(x, t_i, t_{i+1})` for each step of the grid (AYF, "Align Your Flow"). An exact flow map gives the
 * same point on any grid between the same ends.
 *
 * The program takes `x [batch, ...shape]` at the first time, `times [steps + 1]` (any grid; a new one never traces again) and,
 * for each condition of the network, `conditions.<name>` `[batch, ...shape]`. Its state is the network's parameters, its output `x` is the point at
 * the last time.
 *
 * @throws {ConfigError} for a network without an interval input, or counts that are not whole numbers >= 1
 */
export function flowMapSampler(options: SamplerOptions): Program {
  if (!options.network.config.interval) {
    const advice = 'use eulerSampler or heunSampler for a velocity field';
    throw new ConfigError('flowMapSampler.network', `wanted a network with an interval input; ${advice}`);
  }
  return samplerProgram('flow map sampler', options, (field, x, t, s) => field.map(x, t, s));
}

/**
 * Euler's method for the ODE `dx/dt = v(x, t)`: `x <- x + (t_{i+1} - t_i) v(x, t_i)`, of order 1, one evaluation a step. A
 * flow map's network is used at s = t, where it is a velocity. Inputs, state and output as in {@link flowMapSampler}.
 *
 * @throws {ConfigError} for counts that are not whole numbers >= 1
 */
export function eulerSampler(options: SamplerOptions): Program {
  return samplerProgram('Euler sampler', options, (field, x, t, s) =>
    x.add(perSample(s.sub(t), x).mul(field.averageVelocity(x, t, t))),
  );
}

/**
 * Heun's method (the explicit trapezoidal rule) for the ODE `dx/dt = v(x, t)`: an Euler step, then the step again with the
 * mean of the velocities at both ends; of order 2, two evaluations a step. Otherwise as {@link eulerSampler}.
 *
 * @throws {ConfigError} for counts that are not whole numbers >= 1
 */
export function heunSampler(options: SamplerOptions): Program {
  return samplerProgram('Heun sampler', options, (field, x, t, s) => {
    const step = perSample(s.sub(t), x);
    const start = field.averageVelocity(x, t, t);
    const end = field.averageVelocity(x.add(step.mul(start)), s, s);
    return x.add(step.mul(start.add(end).mul(0.5)));
  });
}

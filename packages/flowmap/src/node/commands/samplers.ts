import type { Sampler } from '@flowmap/core';
import { choice, positive } from '../command-line/options.js';

/** Names of the samplers that the commands know. */
const SAMPLERS = [
  'flow-map',
  'gamma',
  'consistency',
  'euler',
  'heun',
  'adams-bashforth',
  'dpm-solver',
  'dormand-prince',
] as const;

export type SamplerName = (typeof SAMPLERS)[number];

/** The options that choose a sampler. */
export const samplerOptions = (fallback: string) => ({
  sampler: choice(`how to step; ${fallback} unless given`, SAMPLERS, null),
  gamma: positive('share of new noise in each step of --sampler gamma, at most 1', null),
});

/** A sampler and γ, as they are given. */
type SamplerConfig = { readonly sampler: SamplerName | null; readonly gamma: number | null };

/**
 * Checks a sampler that is given, before a model is read.
 *
 * @throws {ConfigError} for γ without its sampler, or the other way round
 */
export async function requireSampler(config: SamplerConfig): Promise<void> {
  if (config.sampler !== null) await chosenSampler(config, config.sampler);
}

/**
 * The sampler that the options choose.
 *
 * @throws {ConfigError} for γ without its sampler, or the other way round
 */
export async function chosenSampler(
  { sampler: given, gamma: strength }: SamplerConfig,
  fallback: SamplerName,
): Promise<Sampler> {
  const core = await import('@flowmap/core');
  const name = given ?? fallback;
  if (name === 'gamma') {
    if (strength === null || strength > 1) {
      const got = strength === null ? '' : `; got ${strength}`;
      throw new core.ConfigError('--gamma', `wanted a number of at most 1, for --sampler gamma${got}`);
    }
    return core.gamma(strength);
  }
  if (strength !== null) throw new core.ConfigError('--gamma', `has no effect with --sampler ${name}`);
  const make = {
    'flow-map': core.flowMapSampler,
    consistency: core.consistency,
    euler: core.euler,
    heun: core.heun,
    'adams-bashforth': core.adamsBashforth,
    'dpm-solver': core.dpmSolver,
    'dormand-prince': core.dormandPrince,
  };
  return make[name]();
}

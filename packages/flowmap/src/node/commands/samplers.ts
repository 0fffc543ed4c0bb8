import type { Sampler } from '@flowmap/core';

/** Names of the samplers that the commands know. */
export const SAMPLERS = ['flow-map', 'euler', 'heun'] as const;

/** The sampler of a name. */
export async function samplerNamed(name: (typeof SAMPLERS)[number]): Promise<Sampler> {
  const { euler, flowMapSampler, heun } = await import('@flowmap/core');
  return { 'flow-map': flowMapSampler, euler, heun }[name]();
}

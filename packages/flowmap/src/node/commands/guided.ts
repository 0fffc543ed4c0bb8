import type { Model } from '@flowmap/core';
import { openModel } from './open-model.js';

/** How a model is guided when it is sampled. */
export interface GuidanceOptions {
  readonly guidance: number | null;
  /** File of the weak model. */
  readonly weak: string | null;
  readonly nullClass: string | null;
}

/** The condition through which a student gets the scale. */
const CONDITION = 'guidance';

/**
 * Guides a model by a weaker one or by its null class, or determines the scale that it is given as
 * a condition.
 *
 * @param onNote called with a note for a scale below 1
 * @returns the model to sample, and the scale for its condition `guidance`, if it has one
 * @throws {ConfigError} for a scale without anything to guide by or the reverse, or a weak model that does not
 *   match
 */
export async function guided(
  model: Model,
  { guidance, weak, nullClass }: GuidanceOptions,
  onNote: (note: string) => void,
): Promise<{ readonly model: Model; readonly scale?: number }> {
  const { ConfigError } = await import('@flowmap/core');
  const isTold = Object.hasOwn(model.network.conditions, CONDITION);
  if (weak === null && nullClass === null) {
    if (isTold) {
      if (guidance !== null && guidance < 1) onNote(`students are trained with scales of at least 1, not ${guidance}`);
      return { model, scale: guidance ?? 1 };
    }
    if (guidance === null) return { model };
    const wanted = 'the model is not told a scale; give --weak FILE or --null-class NAME, or leave it out';
    throw new ConfigError('--guidance', wanted);
  }
  if (isTold)
    throw new ConfigError('--guidance', 'the model takes the scale as a condition; leave out --weak and --null-class');
  if (guidance === null) throw new ConfigError('--guidance', 'wanted the scale for --weak or --null-class');
  const { guidedModel } = await import('@flowmap/guidance');
  return {
    model: guidedModel({
      strong: model,
      ...(weak === null ? {} : { weak: await openModel(weak) }),
      ...(nullClass === null ? {} : { nullClass }),
      scale: guidance,
      onNote,
    }),
  };
}

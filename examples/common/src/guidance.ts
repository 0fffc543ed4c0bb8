import { ConfigError, type Dataset, type Model, type Network, type StudentOptions } from '@flowmap/core';
import { guidedModel, withGuidance } from '@flowmap/guidance';
import { full } from '@flowmap/tensor';

/** The condition through which a student gets the scale of guidance. */
const CONDITION = 'guidance';

/** A scale of autoguidance. */
export interface GuidanceScales {
  /** λ of the teacher, and of the samples that are compared, at least 1. */
  readonly scale: number;
  /**
   * Largest λ in training, which draws one between 1 and this for each sample and gives it to the student; unless
   * given, λ is always `scale` and the student does not get it.
   */
  readonly upTo?: number;
  /** Largest time, 0 = data and 1 = noise, at which there is guidance; all times unless given. */
  readonly until?: number;
}

/** What a distillation with guidance is made of. */
export interface GuidedDistillation {
  /** What is distilled. */
  readonly teacher: Model;
  /** The guided teacher at the scale that is compared. */
  readonly compared: Model;
  /** What the student starts from. */
  readonly startingFrom: StudentOptions;
  readonly data: Dataset;
}

/**
 * Guides a teacher by a weaker one.
 *
 * @throws {ConfigError} for λ < 1, for a range that does not contain it, for a time outside (0, 1], for a weak teacher
 *   that does not fit the strong one, and for a student that holds the teacher, whose velocity is not guided
 */
export function guidedDistillation(
  { scale, upTo, until, ...models }: GuidanceScales & { readonly strong: Model; readonly weak: Model },
  { data, seed, startingFrom = {} }: { data: Dataset; seed: number; startingFrom?: StudentOptions | undefined },
): GuidedDistillation {
  if (scale < 1) throw new ConfigError('guidance', `wanted at least 1, got ${scale}`);
  if (startingFrom.exactDiagonal === true) {
    throw new ConfigError('guidance', 'wanted a student whose velocity can change, got an exact diagonal');
  }
  const guided = { ...models, ...(until === undefined ? {} : { interval: [0, until] as const }) };
  const compared = guidedModel({ ...guided, scale });
  if (upTo === undefined) return { teacher: compared, compared, startingFrom, data };
  if (scale > upTo)
    throw new ConfigError('guidance', `wanted at most ${upTo}, the largest that is drawn; got ${scale}`);
  return {
    teacher: guidedModel({ ...guided, scale: CONDITION }),
    compared,
    startingFrom: { ...startingFrom, conditions: { ...startingFrom.conditions, [CONDITION]: [] } },
    data: withGuidance(data, { from: 1, to: upTo, seed }),
  };
}

/** The conditions of samples at one scale of guidance: none if the network takes no scale. */
export function conditionsAt(network: Network, scale: number, count: number): Readonly<Record<string, Float32Array>> {
  return network.conditions[CONDITION] === undefined ? {} : { [CONDITION]: new Float32Array(count).fill(scale) };
}

/** Five scales of guidance, evenly spaced from none to the largest. */
export function scalesUpTo(largest: number): readonly number[] {
  return [0, 1, 2, 3, 4].map((i) => 1 + (i / 4) * (largest - 1));
}

/** A model at a fixed scale of guidance; one that takes no scale is returned as it is. */
export function atScale(model: Model, scale: number): Model {
  const { network } = model;
  const { [CONDITION]: told, ...conditions } = network.conditions;
  if (told === undefined) return model;
  const fixed: Network = {
    ...network,
    conditions,
    apply: (params, inputs) =>
      network.apply(params, {
        ...inputs,
        conditions: { ...inputs.conditions, [CONDITION]: full(scale, [inputs.x.shape[0]!]) },
      }),
  };
  return { ...model, network: fixed };
}

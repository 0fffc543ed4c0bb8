import { classConditions, ConfigError, initialize } from '@flowmap/core';
import type { ConditionSpec, InitialSpecs, Module } from '@flowmap/core';
import { sameShape, ShapeError, type Tensor, type Tensors } from '@flowmap/tensor';

/** Arguments of a discriminator, symbolic. */
export interface DiscriminatorInputs {
  /** Samples `[batch, ...shape]`. */
  readonly x: Tensor;
  /** The discriminator's conditions by name, each `[batch, ...shape]`. */
  readonly conditions?: Tensors;
}

/** What a discriminator says about samples. */
export interface Judgement {
  /** `[batch]`, larger for samples that look real. */
  readonly logits: Tensor;
  /** What the logits are computed from, `[batch, width]`: their distances show how diverse samples are. */
  readonly features: Tensor;
}

/** A module that tells generated samples from data. */
export interface Discriminator extends Module<DiscriminatorInputs, Judgement> {
  readonly name: string;
  /** Its settings, defaults included. */
  readonly config: Readonly<Record<string, number | string | boolean | readonly number[]>>;
  /** Shape of one sample. */
  readonly shape: readonly number[];
  /** Conditions that it takes, by name, all of them required; shapes are for one sample. */
  readonly conditions: Readonly<Record<string, ConditionSpec>>;
}

/** What {@link defineDiscriminator} makes a discriminator from. */
export interface DiscriminatorDefinition {
  readonly name: string;
  readonly config: Discriminator['config'];
  /** Shape of one sample. */
  readonly shape: readonly number[];
  /** Number of classes, which makes it take the condition `label`; 0 for none. */
  readonly classes: number;
  readonly parameters: InitialSpecs;
  /** Traces it; inputs have been checked. `label` is `[batch]`, present if there are classes. */
  judge(params: Tensors, x: Tensor, label: Tensor | undefined): Judgement;
}

/**
 * Makes a {@link Discriminator} from declared parameters and a function of them; its inputs are checked when it is
 * traced.
 *
 * @throws {ConfigError} for a number of classes that is not a whole number >= 0
 */
export function defineDiscriminator(definition: DiscriminatorDefinition): Discriminator {
  const { name, config, shape, classes, parameters } = definition;
  if (!(Number.isSafeInteger(classes) && classes >= 0)) {
    throw new ConfigError(`${name}.classes`, `wanted a whole number >= 0, got ${classes}`);
  }
  const conditions = classConditions(classes);
  const specs = Object.entries(parameters).map(([parameter, { shape, fixed = false }]) => {
    return [parameter, { shape, dtype: 'float32', ...(fixed ? { fixed } : {}) }] as const;
  });
  return {
    name,
    config,
    shape,
    conditions,
    parameters: Object.fromEntries(specs),
    init: (seed, only) => initialize(parameters, seed, only),
    apply(params, { x, conditions: given = {} }) {
      const [batch = 0, ...sample] = x.shape;
      if (!sameShape(sample, shape)) throw new ShapeError(name, `x [batch, ${shape.join(', ')}]`, [x.shape]);
      const label = classes > 0 ? given['label'] : undefined;
      if (classes > 0 && label === undefined) {
        throw new ConfigError(`${name}, conditions.label`, `wanted the label of each of ${batch} samples, got none`);
      }
      if (label !== undefined && !sameShape(label.shape, [batch])) {
        throw new ShapeError(`${name}, conditions.label`, `[${batch}]`, [label.shape]);
      }
      return definition.judge(params, x, label);
    },
  };
}

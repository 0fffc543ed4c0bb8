import { ConfigError, type Model } from '@flowmap/core';
import { full, type Tensors } from '@flowmap/tensor';

/** What a model receives in place of its conditions. */
export interface NullConditions {
  /** Name of the class that stands for no class; none unless given. */
  readonly nullClass?: string;
  /** Conditions that are set to zero; none unless given. */
  readonly dropped?: readonly string[];
}

/** @throws {ConfigError} for a class or a condition that the model does not have, or when nothing is dropped */
export function requireNull(option: string, { nullClass, dropped = [] }: NullConditions, model: Model): void {
  if (nullClass === undefined && dropped.length === 0) {
    throw new ConfigError(
      option,
      'wanted nullClass or dropped conditions, got neither: both velocities would be the same',
    );
  }
  if (nullClass !== undefined && !model.classes.includes(nullClass)) {
    const known = model.classes.join(', ') || 'none';
    throw new ConfigError(`${option}.nullClass`, `the model has no class '${nullClass}'; its classes: ${known}`);
  }
  const unknown = dropped.find((name) => name === 'label' || !Object.hasOwn(model.network.conditions, name));
  if (unknown !== undefined) {
    const known = Object.keys(model.network.conditions).join(', ') || 'none';
    const message = unknown === 'label' ? 'labels have a nullClass' : `the model takes the conditions ${known}`;
    throw new ConfigError(`${option}.dropped`, `'${unknown}': ${message}`);
  }
}

/** The conditions, with the null class and zeros in place of those that are dropped. */
export function nullConditions(
  { nullLabel, dropped = [] }: { readonly nullLabel?: number; readonly dropped?: readonly string[] },
  conditions: Tensors,
): Tensors {
  const named = [...(nullLabel === undefined ? [] : ['label']), ...dropped];
  const present = named.filter((name) => Object.hasOwn(conditions, name));
  const entries = present.map((name) => {
    const { shape, dtype } = conditions[name]!;
    return [name, full(name === 'label' ? nullLabel! : 0, shape, dtype)];
  });
  return { ...conditions, ...(Object.fromEntries(entries) as Tensors) };
}

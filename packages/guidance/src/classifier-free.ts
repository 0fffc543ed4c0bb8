import { ConfigError, velocityField, type Model, type VelocityField } from '@flowmap/core';
import { requireKnownOptions } from '@flowmap/tensor';
import type { Guided } from './autoguidance.js';
import { nullConditions, requireNull, type NullConditions } from './internal/null-conditions.js';
import { combine, requireScale, scaleConditions, type GuidanceScale } from './internal/scale.js';

/** Options of {@link classifierFree}; λ is at least 1. */
export interface ClassifierFreeOptions extends GuidanceScale, NullConditions {
  /** A model trained with dropped labels or conditions, see `withLabelDropout`. */
  readonly model: Model;
}

/**
 * Classifier-free guidance (Ho and Salimans 2022): `v = λ v(x, c) + (1 - λ) v(x, ∅)` with one model, as a teacher.
 *
 * @throws {ConfigError} for λ < 1, an invalid interval, a null class that the model does not have, a dropped condition
 *   that it does not take, or when the two evaluations would not differ; on tracing, when the condition that gives λ is
 *   missing
 */
export function classifierFree(options: ClassifierFreeOptions): VelocityField & Guided {
  requireKnownOptions('classifierFree', options, {
    model: true,
    scale: true,
    interval: true,
    nullClass: true,
    dropped: true,
  });
  requireScale('classifierFree', options, 1);
  const { model } = options;
  requireNull('classifierFree', options, model);
  const field = velocityField(model);
  const { nullClass, dropped = [] } = options;
  const untold = { dropped, ...(nullClass === undefined ? {} : { nullLabel: model.classes.indexOf(nullClass) }) };
  const own = (name: string): boolean => Object.hasOwn(model.network.conditions, name);
  if (typeof options.scale === 'string' && own(options.scale)) {
    throw new ConfigError('classifierFree.scale', `the model has a condition '${options.scale}' of its own`);
  }
  return {
    conditions: scaleConditions(options),
    parameters: field.parameters,
    velocity(params, inputs) {
      const { conditions = {}, t } = inputs;
      return combine(options, {
        strong: field.velocity(params, inputs),
        weak: field.velocity(params, { ...inputs, conditions: nullConditions(untold, conditions) }),
        t,
        conditions,
      });
    },
  };
}

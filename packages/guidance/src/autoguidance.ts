import { velocityField, type Model, type OpaqueField, type VelocityField, prefixed } from '@flowmap/core';
import { requireKnownOptions, type Runtime, type Shape } from '@flowmap/tensor';
import { combineValues, runnable } from './internal/opaque.js';
import { both } from './internal/prefixes.js';
import { requireSameKind } from './internal/same-kind.js';
import { combine, requireScale, scaleConditions, type GuidanceScale } from './internal/scale.js';

/** What guidance adds to a velocity field. */
export interface Guided {
  /**
   * Conditions that a student needs for the scale, as `flowMapFrom` takes them: `{ guidance: [] }`, or none for a fixed
   * scale.
   */
  readonly conditions: Readonly<Record<string, Shape>>;
}

/** A model, its velocity field, or an opaque field, which can only be evaluated. */
export type Guide = Model | ((VelocityField | OpaqueField) & Partial<Guided>);

/** Options of {@link autoguidance}; λ is at least 1. */
export interface AutoguidanceOptions<G extends Guide = Guide> extends GuidanceScale {
  readonly strong: G;
  /** A smaller or less trained model of the same family. */
  readonly weak: G;
  /** Runs the traceable field if the other is opaque; no effect otherwise. */
  readonly runtime?: Runtime;
}

/**
 * Autoguidance (Karras et al. 2024; AYF, eq. 3): `v = λ v_strong + (1 - λ) v_weak`, as a teacher. At λ = 1 it is
 * exactly the strong velocity. If either is opaque, so is the result.
 *
 * @throws {ConfigError} for λ < 1 or an invalid interval; naming what differs between two models: the shape of samples,
 *   a class, a condition, the path; for a traceable field beside an opaque one without a runtime; on tracing or running, when the
 *   condition that gives λ is missing
 */
export function autoguidance(
  options: AutoguidanceOptions<Model | (VelocityField & Partial<Guided>)>,
): VelocityField & Guided;
export function autoguidance(options: AutoguidanceOptions): (VelocityField | OpaqueField) & Guided;
export function autoguidance(options: AutoguidanceOptions): (VelocityField | OpaqueField) & Guided {
  requireKnownOptions('autoguidance', options, {
    strong: true,
    weak: true,
    runtime: true,
    scale: true,
    interval: true,
  });
  requireScale('autoguidance', options, 1);
  const { strong: strongGuide, weak: weakGuide, runtime } = options;
  if ('network' in strongGuide && 'network' in weakGuide) {
    requireSameKind('autoguidance.weak', strongGuide, weakGuide);
  }
  const conditions = { ...needed(strongGuide), ...needed(weakGuide), ...scaleConditions(options) };
  const [strong, weak] = [fieldOf(strongGuide), fieldOf(weakGuide)];
  if ('velocity' in strong && 'velocity' in weak) {
    return {
      conditions,
      parameters: both(strong.parameters, weak.parameters),
      velocity(params, inputs) {
        return combine(options, {
          strong: strong.velocity(prefixed('strong', params), inputs),
          weak: weak.velocity(prefixed('weak', params), inputs),
          t: inputs.t,
          conditions: inputs.conditions ?? {},
        });
      },
    };
  }
  const [good, bad] = [runnable(strong, runtime, 'autoguidance.strong'), runnable(weak, runtime, 'autoguidance.weak')];
  return {
    conditions,
    async evaluate(x, t, given) {
      const [v, w] = [await good.evaluate(x, t, given), await bad.evaluate(x, t, given)];
      return combineValues(options, { strong: v, weak: w, t, conditions: given });
    },
  };
}

/** The conditions needed by a velocity that is itself guided. */
function needed(guide: Guide): Guided['conditions'] {
  return 'network' in guide ? {} : (guide.conditions ?? {});
}

function fieldOf(guide: Guide): VelocityField | OpaqueField {
  return 'network' in guide ? velocityField(guide) : guide;
}

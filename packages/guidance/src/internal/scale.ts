import { ConfigError, perSample } from '@flowmap/core';
import { or, select, type Shape, type Tensor, type Tensors } from '@flowmap/tensor';

/** How much a velocity is guided. */
export interface GuidanceScale {
  /**
   * λ, where 1 is no guidance: a number, or the name of the condition that gives each sample its own, usually
   * `guidance`.
   */
  readonly scale: number | string;
  /** Times `[from, to]` at which λ applies, `0 <= from < to <= 1`; at other times it is 1. All times unless given. */
  readonly interval?: readonly [from: number, to: number];
}

/**
 * Checks a scale of guidance.
 *
 * @param least smallest λ allowed
 * @throws {ConfigError} for a number below `least` or not finite, a condition without a name, or an invalid interval
 */
export function requireScale(name: string, { scale, interval }: GuidanceScale, least = -Infinity): void {
  if (typeof scale === 'number' ? !Number.isFinite(scale) || scale < least : scale === '') {
    const wanted = Number.isFinite(least) ? `a number >= ${least}` : 'a finite number';
    throw new ConfigError(`${name}.scale`, `wanted ${wanted} or the name of a condition, got ${JSON.stringify(scale)}`);
  }
  if (interval === undefined) return;
  const [from, to] = interval;
  if (!(from >= 0 && from < to && to <= 1)) {
    throw new ConfigError(`${name}.interval`, `wanted two times 0 <= from < to <= 1, got [${from}, ${to}]`);
  }
}

/** The condition that a scale requires, with its shape for one sample. */
export function scaleConditions({ scale }: GuidanceScale): Readonly<Record<string, Shape>> {
  return typeof scale === 'string' ? { [scale]: [] } : {};
}

/**
 * `v_weak + λ (v_strong - v_weak)`, written as `v_strong + (λ - 1) (v_strong - v_weak)`, which is exactly `v_strong` at
 * λ = 1 and where both agree.
 *
 * @param t times `[batch]`
 * @throws {ConfigError} on tracing, when the condition that gives λ is missing
 */
export function combine(
  guidance: GuidanceScale,
  { strong, weak, t, conditions }: { strong: Tensor; weak: Tensor; t: Tensor; conditions: Tensors },
): Tensor {
  return strong.add(strong.sub(weak).mul(perSample(excess(guidance, t, conditions), strong)));
}

/** `λ - 1` for each sample. */
function excess({ scale, interval }: GuidanceScale, t: Tensor, conditions: Tensors): Tensor {
  const given = typeof scale === 'number' ? t.mul(0).add(scale - 1) : conditionOf(conditions, scale).sub(1);
  if (interval === undefined) return given;
  const [from, to] = interval;
  return select(or(t.less(from), t.greater(to)), t.mul(0), given);
}

function conditionOf(conditions: Tensors, name: string): Tensor {
  const value = Object.hasOwn(conditions, name) ? conditions[name] : undefined;
  if (value !== undefined) return value;
  const got = Object.keys(conditions).join(', ') || 'none';
  throw new ConfigError(`conditions.${name}`, `it is the scale of guidance of each sample; got the conditions ${got}`);
}

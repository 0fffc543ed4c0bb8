import type { Tensor, Tensors, TensorSpec } from '@flowmap/tensor';
import type { Path } from '../path.js';
import type { FlowMap } from '../plugins.js';

/** How points move along a grid: one function over symbolic tensors, traced once for any grid. */
export interface Sampler {
  /** Name for messages and reports: `heun`. */
  readonly name: string;
  /** Its settings, for reports. */
  readonly config: Readonly<Record<string, string | number | boolean | null>>;
  /** `interval: true` requires a flow map, whose network takes a target time; with false any network will do. */
  readonly needs: { readonly interval: boolean };
  /**
   * `'normal'` for a sampler that needs standard normal noise at each step, shaped as the points. The noise is drawn on
   * the host and depends only on the seed and the indices of sample and step.
   */
  readonly draws?: 'normal';
  /**
   * What a multistep method carries from step to step, by name.
   *
   * @param shape shape of the points, `[batch, ...sample]`
   */
  carry?(shape: readonly number[]): Readonly<Record<string, TensorSpec>>;
  /**
   * Traces one step.
   *
   * @param field the network; `averageVelocity(x, t, t)` is the velocity for every network, `map` needs `interval`
   * @param x points `[batch, ...shape]` at time `t`
   * @param t times `[batch]`
   * @param s target times `[batch]`; where `s = t`, the step must return `x` itself and leave what it carries unchanged
   * @returns the points at time `s`; for a sampler that carries something, together with what the next step is given
   */
  step(field: FlowMap, x: Tensor, t: Tensor, s: Tensor, extra: StepExtra): Tensor | CarriedStep;
}

/** What a step is given besides the points and times. */
export interface StepExtra {
  /** The path that the network was trained on. */
  readonly path: Path;
  /** Standard normal noise, shaped as the points; for a sampler that draws noise. */
  readonly noise?: Tensor | undefined;
  /** What the previous step carried; zeros in the first step, and empty for a sampler that carries nothing. */
  readonly carry: Tensors;
}

/**
 * A step's points, and what it carries to the next: tensors with the names, shapes and dtypes of {@link Sampler.carry}.
 */
export interface CarriedStep {
  readonly x: Tensor;
  readonly carry: Tensors;
}

import type { Tensor } from '@flowmap/tensor';
import { perSample } from '../path.js';
import type { FlowMap } from '../plugins.js';
import type { Sampler } from './sampler.js';

/** Where in the step each stage is, and how it weighs the velocities of those before it. */
const STAGES = [
  { node: 1 / 5, weights: [1 / 5] },
  { node: 3 / 10, weights: [3 / 40, 9 / 40] },
  { node: 4 / 5, weights: [44 / 45, -56 / 15, 32 / 9] },
  { node: 8 / 9, weights: [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729] },
  { node: 1, weights: [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656] },
] as const;

/** Weights of the six velocities in the result, of order 5. */
const RESULT = [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84] as const;

/** Those in the comparison of order 4, which also has the velocity at the result. */
const COMPARISON = [5179 / 57600, 0, 7571 / 16695, 393 / 640, -92097 / 339200, 187 / 2100, 1 / 40] as const;

/** A step with an estimate of its error. */
export interface EmbeddedStep {
  /** The points at the end, of order 5. */
  readonly x: Tensor;
  /** The velocity there, which begins the next step. */
  readonly velocity: Tensor;
  /** How far the comparison of order 4 is from them. */
  readonly error: Tensor;
}

/**
 * The Dormand–Prince method with fixed steps (Dormand & Prince, "A family of embedded Runge–Kutta formulae", 1980,
 * RK5(4)7M) for the ODE `dx/dt = v(x, t)`, of order 5, six evaluations per step. {@link compileAdaptiveSolver} chooses
 * the steps by their errors. A flow map's network is used at s = t, where it is a velocity.
 *
 * @example
 * const points = await generate(teacher, { runtime, sampler: dormandPrince(), count: 16, seed: 0, steps: 8 });
 */
export function dormandPrince(): Sampler {
  return {
    name: 'dormand-prince',
    config: {},
    needs: { interval: false },
    step: (field, x, t, s) => resultOf(x, s.sub(t), stagesOf(field, x, t, s, field.averageVelocity(x, t, t))),
  };
}

/**
 * A step of the Dormand–Prince pair, six evaluations.
 *
 * @param velocity the velocity at `(x, t)`
 */
export function embeddedStep(field: FlowMap, x: Tensor, t: Tensor, s: Tensor, velocity: Tensor): EmbeddedStep {
  const length = s.sub(t);
  const stages = stagesOf(field, x, t, s, velocity);
  const end = resultOf(x, length, stages);
  const last = field.averageVelocity(end, s, s);
  const difference = COMPARISON.map((weight, i) => (RESULT[i] ?? 0) - weight);
  return { x: end, velocity: last, error: perSample(length, x).mul(weighted([...stages, last], difference)) };
}

/** The velocities of the six stages. */
function stagesOf(field: FlowMap, x: Tensor, t: Tensor, s: Tensor, first: Tensor): Tensor[] {
  const length = s.sub(t);
  const velocities = [first];
  for (const { node, weights } of STAGES) {
    const time = node === 1 ? s : t.add(length.mul(node));
    velocities.push(field.averageVelocity(x.add(perSample(length, x).mul(weighted(velocities, weights))), time, time));
  }
  return velocities;
}

function resultOf(x: Tensor, length: Tensor, stages: readonly Tensor[]): Tensor {
  return x.add(perSample(length, x).mul(weighted(stages, RESULT)));
}

function weighted(tensors: readonly Tensor[], weights: readonly number[]): Tensor {
  const terms = tensors.flatMap((tensor, i) => (weights[i] === 0 ? [] : [tensor.mul(weights[i]!)]));
  return terms.reduce((sum, term) => sum.add(term));
}

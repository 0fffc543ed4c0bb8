import { constant, type Tensor } from '@flowmap/tensor';
import { gaussianFlowMap } from '../../closed-forms.js';
import type { Model } from '../../models/model.js';
import { perSample } from '../../path.js';
import type { FlowMap } from '../../plugins.js';
import { mapModel } from '../../samplers/__fixtures__/exact-models.js';

/** Two normal numbers with correlation ρ: their sum and difference are independent, with variances c² (1 ± ρ). */
export const LAW = { std: 0.5, correlation: 0.8 };

/** The exact flow map of {@link LAW}, the one of each independent number in turned coordinates. */
export function correlatedModel(): Model {
  const { std, correlation } = LAW;
  const [wide, narrow] = [1 + correlation, 1 - correlation].map((v) => gaussianFlowMap({ std: std * Math.sqrt(v) }));
  const turn = constant([Math.SQRT1_2, Math.SQRT1_2, Math.SQRT1_2, -Math.SQRT1_2], [2, 2]);
  const first = constant([1, 0], [1, 2]);
  const averageVelocity = (x: Tensor, t: Tensor, s: Tensor): Tensor => {
    const turned = x.matmul(turn);
    const [one, other] = [wide!, narrow!].map((map) => map.averageVelocity(turned, t, s));
    return one!.mul(first).add(other!.mul(constant([0, 1], [1, 2]))).matmul(turn);
  };
  const map: FlowMap = {
    averageVelocity,
    map: (x, t, s) => x.add(perSample(s.sub(t), x).mul(averageVelocity(x, t, s))),
    under: () => map,
  };
  return mapModel(map, 'linear', 2);
}

/** Mean and standard deviation of numbers. */
export function moments(values: readonly number[]): { readonly mean: number; readonly std: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, std: Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length) };
}

import { gaussianFlowMap, gaussianVelocity, type Gaussian } from '../../closed-forms.js';
import type { Model } from '../../models/model.js';
import { defineNetwork } from '../../networks/network.js';
import { paths, type PathName } from '../../path.js';
import type { FlowMap, VelocityField } from '../../plugins.js';

/** A flow map as a model of points of one value, without parameters. */
export function mapModel(map: FlowMap, path: PathName = 'linear', size = 1): Model {
  const config = { type: 'exact', shape: [size], interval: true };
  const network = defineNetwork(config, {}, (_, { x, t, s }) => map.averageVelocity(x, t, s!));
  return { kind: 'flowMap', network, params: {}, classes: [], path };
}

/** A velocity field as a model of points of one value, without parameters. */
export function fieldModel(field: VelocityField, path: PathName = 'linear', size = 1): Model {
  const config = { type: 'exact', shape: [size], interval: false };
  const network = defineNetwork(config, {}, (params, inputs) => field.velocity(params, inputs));
  return { kind: 'velocity', network, params: {}, classes: [], path };
}

/** The exact flow map and velocity field of normal data on a path. */
export function gaussianModels(law: Gaussian, path: PathName = 'linear'): { readonly map: Model; readonly field: Model } {
  return {
    map: mapModel(gaussianFlowMap(law, paths[path]), path),
    field: fieldModel(gaussianVelocity(law, paths[path]), path),
  };
}

/** The factors of data and noise at a time, in numbers. */
export function factorsAt(path: PathName, t: number): { readonly alpha: number; readonly sigma: number } {
  if (path === 'linear') return { alpha: 1 - t, sigma: t };
  return { alpha: Math.sin((Math.PI / 2) * (1 - t)), sigma: Math.sin((Math.PI / 2) * t) };
}

/** Times between two, with equal differences of `ln(alpha / sigma)` on the linear path. */
export function logRatioGrid(steps: number, from = 0.98, to = 0.02): Float64Array {
  const logit = (t: number): number => Math.log(t / (1 - t));
  const [first, last] = [logit(from), logit(to)];
  return Float64Array.from({ length: steps + 1 }, (_, i) => 1 / (1 + Math.exp(-first - ((last - first) * i) / steps)));
}

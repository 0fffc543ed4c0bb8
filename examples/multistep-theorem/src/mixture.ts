import { mixtureFlowMap, uniformGrid, type PathName } from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { compiledMap, leadingTooFar, onPath, tooFast } from './exact-map.js';
import { consistencyLaw, flowMapLaw, lawDistance, noiseLaw, rootMeanSquare, type Law, type LineMap } from './law.js';
import type { Curve, Panel } from './panels.js';

/** Two normal laws on a line. */
export const MIXTURE = { weights: [0.3, 0.7], means: [-1, 1.2], stds: [0.3, 0.5] };

/** A model on a line, its data, and the numbers of steps in which it is sampled. */
export interface LineModel {
  readonly noise: Law;
  readonly data: Law;
  readonly map: LineMap;
  readonly path: PathName;
  readonly steps: readonly number[];
}

/** The distances of a model on a line, by the laws of its samples. */
export async function curveOf(
  name: string,
  kind: Curve['kind'],
  { noise, data, map, path, steps }: LineModel,
  signal: AbortSignal,
): Promise<Curve> {
  const distances: number[] = [];
  for (const count of steps) {
    signal.throwIfAborted();
    const times = Array.from(uniformGrid(count));
    const law =
      kind === 'flow map' ? await flowMapLaw(noise, map, times) : await consistencyLaw(noise, map, times, path);
    distances.push(lawDistance(law, data));
  }
  return { name, kind, distances };
}

/**
 * Perturbed models of a mixture on both paths. The error of a flow map's velocity is as large as makes one step as far off
 * as that of the consistency model.
 *
 * @param count points of the laws
 */
export async function mixturePanel(count: number, steps: readonly number[], signal: AbortSignal): Promise<Panel> {
  const runtime = referenceRuntime();
  const noise = noiseLaw(count);
  const curves: Curve[] = [];
  let floor: readonly number[] = [];
  for (const path of ['linear', 'trigonometric'] as const) {
    const { map, dispose } = await compiledMap(runtime, onPath(mixtureFlowMap(MIXTURE), path), count);
    try {
      const data = { ...noise, points: await map(noise.points, 1, 0) };
      const curve = async (name: string, kind: Curve['kind'], perturbed: LineMap): Promise<Curve> =>
        curveOf(name, kind, { noise, data, map: perturbed, path, steps }, signal);
      if (path === 'linear') ({ distances: floor } = await curve('exact', 'consistency', map));
      for (const g of path === 'linear' ? [0.05, -0.05] : [0.05]) {
        const name = `g = ${g > 0 ? '+' : '−'}0.05, ${path} path`;
        curves.push(await curve(name, 'consistency', leadingTooFar(map, g)));
      }
      const moved = data.points.map((end, i) => end - noise.points[i]!);
      const eta = (0.05 * rootMeanSquare(noise, data.points)) / rootMeanSquare(noise, moved);
      curves.push(await curve(`F = ${(1 + eta).toFixed(3)} F*, ${path} path`, 'flow map', tooFast(map, eta)));
    } finally {
      await dispose();
    }
  }
  return { id: 'mixture', title: 'A mixture of two normal laws on a line', curves, floor };
}

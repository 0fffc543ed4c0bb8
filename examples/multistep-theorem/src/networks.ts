import { join } from 'node:path';
import { compileSampler, mlp, uniformGrid, type Model, type PathName } from '@flowmap/core';
import { gaussianMixture } from '@flowmap/data';
import { median } from '@flowmap/example-common';
import { objectiveNamed, type ObjectiveName } from '@flowmap/objectives';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, type Runtime } from '@flowmap/tensor';
import { distill } from '@flowmap/train/node';
import { interruptible, type CommandContext } from 'flowmap/node';
import { compiledMap, onPath } from './exact-map.js';
import { factorsAt } from './factors.js';
import { noised, noiseLaw, rootMeanSquare, type Law, type LineMap } from './law.js';
import { curveOf } from './mixture.js';
import type { Curve, Panel } from './panels.js';
import { exactTeacher, LAWS, type LawName } from './teachers.js';

/** Objectives of flow maps, and of consistency models on both paths. */
export const TRAINED = ['ayf-emd', 'ayf-lmd', 'consistency-distillation', 'scd'] as const satisfies ObjectiveName[];

type Trained = (typeof TRAINED)[number];

/** How networks are trained and measured. */
export interface Training {
  readonly objectives: readonly Trained[];
  readonly iterations: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly width: number;
  readonly depth: number;
  /** Trainings of each, of which the median is shown. */
  readonly seeds: number;
  /** Numbers of steps in which they are sampled. */
  readonly steps: readonly number[];
  /** Points of the laws that are followed. */
  readonly points: number;
  readonly runtime: Runtime;
  /** Where trainings are kept; those that are finished are loaded. */
  readonly folder: string;
}

/** Times at which errors are measured. */
const TIMES = Array.from(uniformGrid(16)).slice(0, -1);

/**
 * Distils the exact velocity of a law into networks, and follows the laws of their samples. A flow map is sampled along
 * itself and, the same network, as a consistency model.
 */
export async function trainedPanel(lawName: LawName, training: Training, context: CommandContext): Promise<Panel> {
  const curves: Curve[] = [];
  for (const objective of training.objectives) {
    const all: Curve[][] = [];
    for (let seed = 0; seed < training.seeds; seed++) {
      const model = await student(lawName, objective, seed, training, context);
      all.push(await curvesOf(model, lawName, objective, training, context.signal));
    }
    all[0]!.forEach((_, i) => curves.push(medianOf(all.map((each) => each[i]!))));
  }
  return { id: `trained-${lawName}`, title: `Networks, ${lawName === 'gaussian' ? 'normal data' : 'mixture'}`, curves };
}

function pathOfObjective(name: Trained): PathName {
  return objectiveNamed(name).needs.path ?? 'linear';
}

/** A network that is distilled from the exact velocity of a law, or loaded. */
async function student(
  lawName: LawName,
  name: Trained,
  seed: number,
  { width, depth, iterations, batchSize, learningRate, runtime, folder }: Training,
  { signal, progress = 'auto' }: CommandContext,
): Promise<Model> {
  const path = pathOfObjective(name);
  const network = mlp({ shape: [1], width, depth, interval: true });
  const { weights, means, stds } = LAWS[lawName].law;
  const { model, completed } = await distill({
    runtime,
    data: gaussianMixture({ weights, means: means.map((mean) => [mean]), stds, classes: [], seed }),
    teacher: exactTeacher(lawName, path),
    student: { kind: 'flowMap', network, params: network.init(seed), classes: [], path },
    objective: objectiveNamed(name),
    ...{ iterations, batchSize, learningRate, seed, signal, progress },
    out: join(folder, `${lawName}-${name}-${seed}`),
    whenFinished: 'load',
    onData: () => undefined, // the data is made here
  });
  if (!completed) throw signal.reason;
  return model;
}

/** The distances of a network's samples: of a flow map along itself, and of every network as a consistency model. */
async function curvesOf(
  model: Model,
  lawName: LawName,
  name: Trained,
  { points: count, steps, runtime }: Training,
  signal: AbortSignal,
): Promise<Curve[]> {
  const path = pathOfObjective(name);
  const noise = noiseLaw(count);
  const exact = await compiledMap(referenceRuntime(), onPath(LAWS[lawName].map, path), count);
  const sampler = await compileSampler(interruptible(runtime, signal), model, { batchSize: count });
  try {
    const data = { ...noise, points: await exact.map(noise.points, 1, 0) };
    const map: LineMap = async (points, t, s) => {
      const from = hostTensor([count, 1], Float32Array.from(points));
      return Float64Array.from((await sampler.sample({ noise: from, times: [t, s] })).data);
    };
    const error = await errorOf(map, exact.map, data, path);
    const curves: Curve[] = [];
    for (const kind of ['flow map', 'consistency'] as const) {
      if (kind === 'flow map' && !name.startsWith('ayf')) continue;
      const label = `${name}, as a ${kind === 'flow map' ? 'flow map' : 'consistency model'}`;
      const curve = await curveOf(label, kind, { noise, data, map, path, steps }, signal);
      curves.push({ ...curve, error });
    }
    return curves;
  } finally {
    await Promise.all([sampler.dispose(), exact.dispose()]);
  }
}

/** Root of the mean square, over the path's points at times, of the difference of where two maps lead to at data. */
async function errorOf(map: LineMap, exact: LineMap, data: Law, path: PathName): Promise<number> {
  const errors: number[] = [];
  for (const t of TIMES) {
    const law = noised(data, factorsAt(path, t));
    const [ends, wanted] = [await map(law.points, t, 0), await exact(law.points, t, 0)];
    const difference = ends.map((end, i) => end - wanted[i]!);
    errors.push(rootMeanSquare(law, difference));
  }
  return Math.hypot(...errors) / Math.sqrt(errors.length);
}

/** The median of each number, over the seeds. */
function medianOf(curves: readonly Curve[]): Curve {
  const [first] = curves;
  return {
    ...first!,
    distances: first!.distances.map((_, i) => median(curves.map(({ distances }) => distances[i]!))),
    error: median(curves.map(({ error }) => error!)),
    each: curves.map(({ distances }) => distances),
  };
}

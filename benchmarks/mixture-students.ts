import {
  collect,
  compileSampler,
  defineNetwork,
  dense,
  linearPath,
  loader,
  mixtureFlowMap,
  mixtureVelocity,
  pathOf,
  uniformGrid,
  velocityOnPath,
  type Model,
  type Objective,
} from '@flowmap/core';
import { gaussianMixture } from '@flowmap/data';
import { median } from '@flowmap/example-common';
import { ayfEmd, objectiveNamed, type AyfEmdPreset, type ObjectiveName } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { concat, full, hostTensor, normals, type HostTensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { linearSchedule, objectivePhase, train, trainee } from '@flowmap/train';

const law = { weights: [0.3, 0.7], means: [-1, 1.2], stds: [0.3, 0.5] };

const WIDTH = 96;

const layers = [dense('0', 3, WIDTH), dense('1', WIDTH, WIDTH), dense('2', WIDTH, WIDTH)];
const last = dense('3', WIDTH, 1);

/** Three layers of tanh on the point and its times, each from -1 to 1. */
const network = defineNetwork(
  { type: 'tanh-mlp', shape: [1], interval: true },
  collect([...layers, last]),
  (params, { x, t, s }) => {
    const times = [t, s!].map((time) => time.mul(2).sub(1).reshape([-1, 1]));
    const hidden = layers.reduce((h, layer) => layer.apply(params, h).tanh(), concat([x, ...times], 1));
    return last.apply(params, hidden);
  },
);

const GRIDS = [1, 2, 4, 8];

/** What {@link trainMixtureStudents} trains. */
export interface MixtureOptions {
  /** Presets of AYF-EMD; none if objectives are given. */
  readonly presets: readonly AyfEmdPreset[];
  /** Objectives with their default settings. */
  readonly objectives: readonly ObjectiveName[];
  readonly seeds: number;
  readonly iterations: number;
  /** Learning rate, which falls linearly to 0. */
  readonly rate: number;
}

/**
 * Trains students of a mixture on a line with its exact velocity as the teacher, and prints how far their samples in N
 * steps are from the exact map's: the root mean square over 4,096 noises, with median and range over the seeds.
 */
export async function trainMixtureStudents(options: MixtureOptions): Promise<void> {
  const { presets, objectives, seeds, iterations, rate } = options;
  console.log(`| ${objectives.length > 0 ? 'objective' : 'preset'} | ${GRIDS.join(' | ')} |`);
  console.log(`| --- | ${GRIDS.map(() => '---').join(' | ')} |`);
  const rows =
    objectives.length > 0
      ? objectives.map((name) => [name, objectiveNamed(name)] as const)
      : presets.map((preset) => [preset, ayfEmd({ preset })] as const);
  for (const [name, objective] of rows) {
    const errors: number[][] = [];
    const grids = leadsToData(objective) ? [1] : GRIDS;
    for (let seed = 0; seed < seeds; seed++) {
      const each = await endpointErrors(await trained(objective, iterations, seed, rate), grids);
      console.error(`${name}, seed ${seed}: ${each.map((error) => error.toFixed(4)).join(' ')}`);
      errors.push(each);
    }
    const cells = GRIDS.map((_, i) => {
      if (i >= grids.length) return '';
      const all = errors.map((each) => each[i]!);
      const [middle, least, most] = [median(all), Math.min(...all), Math.max(...all)].map((error) => error.toFixed(4));
      return `${middle} (${least} to ${most})`;
    });
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  }
}

/** Whether students learn only maps to data, and so take only one step. */
function leadsToData(objective: Objective): boolean {
  return objective.draw({ seed: 0, step: 0, iterations: 1 }, 16).s.every((s) => s === 0);
}

async function trained(objective: Objective, iterations: number, seed: number, rate: number): Promise<Model> {
  const data = gaussianMixture({ ...law, means: law.means.map((mean) => [mean]), classes: [] });
  const path = pathOf({ path: objective.needs.path ?? 'linear' });
  const model: Model = { kind: 'flowMap', network, params: network.init(seed), classes: [], path: path.name };
  const batchSize = 512;
  const linear = mixtureVelocity(law);
  const teacher = path === linearPath ? linear : velocityOnPath(linear, { from: linearPath, to: path });
  const phase = { network, objective, path, batchSize, seed, ...(objective.needs.teacher ? { teacher } : {}) };
  const training = await train({
    runtime: await onnxRuntime({ device: 'cpu', threads: 1 }),
    trainees: { student: trainee({ model, learningRate: linearSchedule(rate) }) },
    phases: [objectivePhase(phase)],
    batches: loader(data, { batchSize, seed }),
    iterations,
  });
  return training.model({ average: 'ema' });
}

let exact: Promise<readonly [HostTensor, HostTensor]> | undefined;

/** Noises, and where the exact map takes them. */
async function exactEndpoints(): Promise<readonly [HostTensor, HostTensor]> {
  const count = 4096;
  const noise = hostTensor([count, 1], normals({ seed: 1, purpose: 'noise' }, count));
  const map = mixtureFlowMap(law);
  const ends = await evaluate(referenceRuntime(), (z) => map.map(z, full(1, [count]), full(0, [count])), [noise]);
  return [noise, ends];
}

/** The map from noise to data is the same on all paths. */
async function endpointErrors(student: Model, grids: readonly number[]): Promise<number[]> {
  const [noise, ends] = await (exact ??= exactEndpoints());
  const count = noise.shape[0]!;
  const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });
  const sampler = await compileSampler(runtime, student, { batchSize: count });
  const errors: number[] = [];
  for (const steps of grids) {
    const { data } = await sampler.sample({ noise, times: uniformGrid(steps) });
    const squares = Array.from(data, (value, i) => (value - ends.data[i]!) ** 2);
    errors.push(Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / count));
  }
  await sampler.dispose();
  return errors;
}

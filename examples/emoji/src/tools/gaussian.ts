import {
  consistency,
  defineNetwork,
  flowMapSampler,
  gaussianFlowMap,
  inpaint,
  measurement,
  optimizeNoise,
  type Model,
} from '@flowmap/core';
import { constant, hostTensor, type HostTensor } from '@flowmap/tensor';
import { momentsOf } from './host-tensors.js';
import type { Workshop } from './workshop.js';

/** Deviation and correlation of two normal numbers, and the first of them. */
const [STD, CORRELATION, KNOWN] = [0.5, 0.8, 0.6];

/** Pairs of numbers that are drawn. */
const COUNT = 4000;

/** Deviation that the known number is said to have, as a measurement. */
const ERROR = 0.01;

/** Mean and deviation of the second of two normal numbers, given the first. */
export interface Posterior {
  readonly way: string;
  readonly evaluations: number | null;
  readonly mean: number;
  readonly std: number;
}

/** Completes pairs of normal numbers, of which the answer is known: mean `ρ y`, deviation `c sqrt(1 - ρ²)`. */
export async function completeNumbers({ runtime, print }: Pick<Workshop, 'runtime' | 'print'>): Promise<Posterior[]> {
  const model = correlatedNumbers();
  const known = pairs(KNOWN, 0);
  const mask = pairs(1, 0);
  const exact = { mean: CORRELATION * KNOWN, std: STD * Math.sqrt(1 - CORRELATION ** 2) };
  const rows: Posterior[] = [{ way: 'exact', evaluations: null, ...exact }];
  const add = (way: string, evaluations: number, { data }: HostTensor): void => {
    const row = { way, evaluations, ...momentsOf(data.filter((_, i) => i % 2 === 1)) };
    rows.push(row);
    print(`${way}, ${evaluations} evaluations: mean ${row.mean.toFixed(3)}, deviation ${row.std.toFixed(3)}`);
  };
  for (const [sampler, name] of [[flowMapSampler(), 'flow map'], [consistency(), 'consistency']] as const) {
    for (const [steps, repeats] of [[4, 1], [8, 1], [8, 4], [16, 8]] as const) {
      const options = { runtime, known, mask, seed: 0, sampler, steps, repeats, batchSize: COUNT };
      const evaluations = (steps - 1) * repeats + 1;
      add(`inpaint, ${name}, ${steps} steps, ${repeats} ${repeats === 1 ? 'round' : 'rounds'}`, evaluations, await inpaint(model, options));
    }
  } // prettier-ignore
  const reward = measurement({
    of: (x) => x.slice([0, 0], [x.shape[0]!, 1]),
    value: hostTensor([1], [KNOWN]),
    std: ERROR,
  });
  const options = { runtime, reward, count: COUNT, seed: 0, batchSize: COUNT };
  for (const evaluations of [2, 3]) {
    add(
      'optimizeNoise of a measurement',
      evaluations,
      (await optimizeNoise(model, { ...options, evaluations })).samples,
    );
  }
  return rows;
}

/** Two normal numbers with a correlation: their sum and difference are independent. */
function correlatedNumbers(): Model {
  const [sum, difference] = [1 + CORRELATION, 1 - CORRELATION].map((v) => gaussianFlowMap({ std: STD * Math.sqrt(v) }));
  const turn = constant([1, 1, 1, -1], [2, 2]).mul(Math.SQRT1_2);
  const network = defineNetwork({ type: 'numbers', shape: [2], interval: true }, {}, (_, { x, t, s }) => {
    const turned = x.matmul(turn);
    const first = sum!.averageVelocity(turned, t, s!).mul(constant([1, 0], [1, 2]));
    return first.add(difference!.averageVelocity(turned, t, s!).mul(constant([0, 1], [1, 2]))).matmul(turn);
  });
  return { kind: 'flowMap', network, params: {}, classes: [] };
}

function pairs(first: number, second: number): HostTensor {
  return hostTensor(
    [COUNT, 2],
    Float32Array.from({ length: 2 * COUNT }, (_, i) => (i % 2 === 0 ? first : second)),
  );
}

import { hostTensor, normals, type HostTensor, type Runtime } from '@flowmap/tensor';
import { expect } from 'vitest';
import { compileSampler, type CompileSamplerOptions } from '../samplers/compile-sampler.js';
import { flowMapSampler } from '../samplers/flow-map-sampler.js';
import { uniformGrid } from '../samplers/grid.js';
import { samplerProgram } from '../samplers/sampler-program.js';
import type { Sampler } from '../samplers/sampler.js';
import { exactModel, SHIFTS, SIZE, spreadAt } from './exact-network.js';

/** The sampler under test, and what it is tested with. */
export interface SamplerSubject {
  readonly sampler: Sampler;
  readonly runtime: Runtime;
  /**
   * Order of convergence; `Infinity` for a sampler that is exact on every grid. Ignored for a sampler that draws noise.
   */
  readonly order: number;
  /** The grid of a number of steps on which it is tested, unless any will do. */
  readonly grid?: (steps: number) => ArrayLike<number>;
}

/** Checks one promise of a sampler; throws an assertion error if it is broken. */
export type SamplerCheck = (subject: SamplerSubject) => void | Promise<void>;

const COUNT = 5;
const timesOf = ({ grid }: SamplerSubject): number[] => Array.from(grid?.(4) ?? [1, 0.8, 0.45, 0.4, 0.1]);
const SEED = 3;

/** Batch sizes and steps per call, some of which divide the number of samples and steps and some do not. */
const SPLITS = [[1, 1], [2, 3], [8, 4], [3, 7]] as const; // prettier-ignore

/** The promises of every {@link Sampler}, by title. */
export const samplerChecks: Readonly<Record<string, SamplerCheck>> = {
  'has a name, and settings in JSON'({ sampler }) {
    expect(sampler.name).toMatch(/./);
    expect(JSON.parse(JSON.stringify(sampler.config))).toEqual(sampler.config);
  },

  'keeps shape and dtype, and gives the next run what this one took'({ sampler }) {
    const { network } = exactModel(sampler.needs.interval);
    const { inputs, outputs } = samplerProgram(sampler, { network, batchSize: COUNT, steps: 2 });
    expect(outputs['x']).toMatchObject({ shape: [COUNT, SIZE], dtype: 'float32' });
    for (const [name, { shape, dtype }] of Object.entries(outputs)) expect(inputs[name]).toEqual({ shape, dtype });
  },

  async 'leaves points as they are in a step of length 0, to the bit'(subject) {
    const times = timesOf(subject);
    const draw = await drawing(subject);
    const start = startOf(COUNT);
    for (const time of [1, 0.4, 0]) expect((await draw({ start, times: [time, time] })).data).toEqual(start.data);
    const end = times.at(-1)!;
    const wanted = await draw({ times });
    expect(await draw({ times: [...times, end, end] })).toEqual(wanted);
    // The noise of a step depends on its index in the grid, so only samplers without noise continue
    // unchanged.
    if (!subject.sampler.draws) {
      expect(await draw({ times: times.flatMap((time) => [time, time]) })).toEqual(wanted);
    }
  },

  async 'takes any grid with one program, and keeps nothing from one to the next'(subject) {
    const times = timesOf(subject);
    const grids = [times, [1, 0], uniformGrid(7, 0.9, 0.2)];
    const draw = await drawing(subject);
    const again = [];
    for (const grid of grids) again.push(await draw({ times: grid }));
    for (const [i, grid] of grids.entries()) {
      expect(again[i]!.data.every(Number.isFinite)).toBe(true);
      expect(again[i]).toEqual(await (await drawing(subject))({ times: grid }));
    }
    expect(again[0]).not.toEqual(again[1]);
  },

  async 'gives the same points for any batch size and any number of steps a call'(subject) {
    const times = timesOf(subject);
    const wanted = await (await drawing(subject))({ times });
    for (const [batchSize, stepsPerCall] of SPLITS) {
      expect(await (await drawing(subject, { batchSize, stepsPerCall }))({ times })).toEqual(wanted);
    }
  },

  async 'keeps samples apart, each with its own class'(subject) {
    const times = timesOf(subject);
    const draw = await drawing(subject);
    const before = await draw({ times });
    const start = startOf(COUNT);
    const moved = hostTensor(
      start.shape,
      start.data.map((value, i) => (i < SIZE ? value + 1 : value)),
    );
    const labels = labelsOf(COUNT).map((label, i) => (i === 0 ? 1 - label : label));
    for (const changed of [{ start: moved }, { labels }]) {
      const { data } = await draw({ times, ...changed });
      expect(data.slice(0, SIZE)).not.toEqual(before.data.slice(0, SIZE));
      expect(data.slice(SIZE)).toEqual(before.data.slice(SIZE));
    }
  },

  async 'leads to the exact points with its order, or to their law when it draws'(subject) {
    await (subject.sampler.draws ? checkLaw(subject) : checkOrder(subject));
  },

  async 'takes the networks that it says, and refuses others'({ sampler, ...rest }) {
    const times = timesOf({ sampler, ...rest });
    const [map, field] = [exactModel(true), exactModel(false)];
    const options = { batchSize: COUNT, steps: 1 };
    if (sampler.needs.interval) {
      const refused = () => samplerProgram(sampler, { ...options, network: field.network });
      expect(refused).toThrow(expect.objectContaining({ name: 'ConfigError', option: 'sampler' }));
    } else {
      // A flow map at s = t is the velocity field, up to rounding errors of two closed forms.
      const of = async (model: typeof map) => (await drawing({ sampler, ...rest }, {}, model))({ times });
      const [fromMap, fromField] = [await of(map), await of(field)];
      expect(largest(fromMap, fromField)).toBeLessThan(1e-12);
    }
  },

  async 'draws by the seed alone, and wants one'(subject) {
    const times = timesOf(subject);
    const [one, other] = [await drawing(subject), await drawing(subject)];
    const points = await one({ times });
    expect(await other({ times })).toEqual(points);
    const reseeded = await one({ times, seed: SEED + 1 });
    if (subject.sampler.draws) {
      expect(reseeded).not.toEqual(points);
      const unseeded = one({ times, seed: undefined });
      await expect(unseeded).rejects.toThrow(expect.objectContaining({ name: 'ConfigError', option: 'seed' }));
    } else {
      expect(reseeded).toEqual(points);
      expect(await one({ times, seed: undefined })).toEqual(points);
    }
  },
};

interface Drawn {
  readonly times: ArrayLike<number>;
  readonly start?: HostTensor;
  readonly labels?: Int32Array;
  readonly seed?: number | undefined;
}

/** Compiles the sampler for the exact network; returns a function that draws samples with it. */
async function drawing(
  { sampler, runtime }: SamplerSubject,
  options: Partial<CompileSamplerOptions> = {},
  model = exactModel(sampler.needs.interval),
): Promise<(drawn: Drawn) => Promise<HostTensor>> {
  const compiled = await compileSampler(runtime, model, { sampler, batchSize: COUNT, ...options });
  return (drawn) => {
    const { times, start = startOf(COUNT), labels = labelsOf(start.shape[0]!) } = drawn;
    const seed = 'seed' in drawn ? drawn.seed : SEED;
    return compiled.sample({
      noise: start,
      conditions: { label: labels },
      times,
      ...(seed === undefined ? {} : { seed }),
    });
  };
}

async function checkOrder({ sampler, runtime, order, grid }: SamplerSubject): Promise<void> {
  const law = (interval: boolean) => exactModel(interval, 'mixture');
  const leap = await drawing({ sampler: flowMapSampler(), runtime, order }, {}, law(true));
  const isExact = order === Infinity;
  const options = { stepsPerCall: isExact ? 1 : 8 };
  const draw = await drawing({ sampler, runtime, order }, options, law(sampler.needs.interval));
  const errorOf = async (times: ArrayLike<number>): Promise<number> => {
    const ends = [times[0]!, times[times.length - 1]!];
    return largest(await draw({ times }), await leap({ times: ends }));
  };
  for (const gridOf of grid ? [grid] : [uniformGrid, unevenGrid]) {
    if (isExact) {
      // Rounding errors, divided by the small densities on the way.
      expect(await errorOf(gridOf(6))).toBeLessThan(1e-10);
      continue;
    }
    const steps = order > 2 ? 16 : 64;
    const [coarse, fine] = [await errorOf(gridOf(steps)), await errorOf(gridOf(2 * steps))];
    const excess = Math.log2(coarse / fine) - order;
    // The next order shifts the slope between two grids by a few percent at these steps; at the fewer steps of high
    // orders, whose errors would otherwise be those of rounding, by more.
    expect(excess).toBeGreaterThan(-0.2);
    expect(excess).toBeLessThan(order > 2 ? 2 : 0.2);
    expect(fine).toBeLessThan(0.05);
  }
}

async function checkLaw(subject: SamplerSubject): Promise<void> {
  const count = 20_000;
  const draw = await drawing(subject, { batchSize: count });
  const times = [1, 0.75, 0.4, 0.1, 0];
  for (let steps = 1; steps < times.length; steps++) {
    const { data } = await draw({ start: startOf(count), times: times.slice(0, steps + 1) });
    const time = times[steps]!;
    for (const [label, mean] of SHIFTS.entries()) {
      const values = Array.from(data).filter((_, i) => classOf(Math.floor(i / SIZE)) === label);
      const [gotMean, gotVariance] = momentsOf(values);
      const variance = spreadAt(time) ** 2;
      // Four standard errors of the mean and variance of independent normal numbers.
      const error = Math.sqrt(variance / values.length);
      expect(Math.abs(gotMean - (1 - time) * mean)).toBeLessThan(4 * error);
      expect(Math.abs(gotVariance - variance)).toBeLessThan(4 * variance * Math.sqrt(2 / values.length));
    }
  }
}

/** Steps from 1 to 0, alternately short and twice as long. */
function unevenGrid(steps: number): number[] {
  return Array.from({ length: steps + 1 }, (_, i) => 1 - (1.5 * i - (i % 2) / 2) / (1.5 * steps));
}

function startOf(count: number): HostTensor {
  return hostTensor([count, SIZE], normals({ seed: 8, purpose: 'start' }, count * SIZE));
}

function classOf(sample: number): number {
  return sample % SHIFTS.length;
}

function labelsOf(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => classOf(i));
}

function largest(a: HostTensor, b: HostTensor): number {
  return Math.max(...Array.from(a.data, (value, i) => Math.abs(value - b.data[i]!)));
}

function momentsOf(values: readonly number[]): [mean: number, variance: number] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return [mean, values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length];
}

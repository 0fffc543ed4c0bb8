import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, normalBatch, type Executable, type HostTensor, type Runtime } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../errors.js';
import { gaussianModels } from '../samplers/__fixtures__/exact-models.js';
import { adamsBashforth } from '../samplers/adams-bashforth.js';
import { consistency } from '../samplers/consistency.js';
import { flowMapSampler } from '../samplers/flow-map-sampler.js';
import { exactModel } from '../testing/exact-network.js';
import { correlatedModel, LAW, moments } from './__fixtures__/correlated.js';
import { watched } from '../samplers/__fixtures__/watched.js';
import { inpaint } from './inpaint.js';

const runtime = referenceRuntime();
const COUNT = 2000;
const KNOWN = 0.6;

/** Completes the second of two correlated numbers, the first of which is known. */
async function completed(options: object): Promise<number[]> {
  const known = hostTensor(
    [COUNT, 2],
    Float32Array.from({ length: 2 * COUNT }, (_, i) => (i % 2 === 0 ? KNOWN : 7)),
  );
  const mask = hostTensor(
    [COUNT, 2],
    Float32Array.from({ length: 2 * COUNT }, (_, i) => 1 - (i % 2)),
  );
  const { data } = await inpaint(correlatedModel(), { runtime, known, mask, seed: 4, batchSize: COUNT, ...options });
  expect(data.filter((_, i) => i % 2 === 0).every((value) => value === Math.fround(KNOWN))).toBe(true);
  return Array.from(data.filter((_, i) => i % 2 === 1));
}

type Matrix = readonly [number, number, number, number];

/** The exact map of {@link LAW} from t to s. */
function mapMatrix(t: number, s: number): Matrix {
  const [wide, narrow] = [1, -1].map((sign) => {
    const std = LAW.std * Math.sqrt(1 + sign * LAW.correlation);
    return Math.hypot((1 - s) * std, s) / Math.hypot((1 - t) * std, t);
  });
  return [(wide! + narrow!) / 2, (wide! - narrow!) / 2, (wide! - narrow!) / 2, (wide! + narrow!) / 2];
}

/**
 * Mean and deviation of the wanted number, worked out: all is linear. Between steps both numbers are independent, as the
 * known one has new noise.
 */
function workedOut(steps: number, repeats: number, isConsistency: boolean): { mean: number; std: number } {
  let [mean, variance] = [[0, 0], [1, 1]] as [number[], number[]]; // prettier-ignore
  const down = (t: number, s: number): void => {
    const [, , c, d] = mapMatrix(t, isConsistency ? 0 : s).map((a) => a * (isConsistency ? 1 - s : 1));
    const added = isConsistency ? s ** 2 : 0;
    mean = [(1 - s) * KNOWN, c! * mean[0]! + d! * mean[1]!];
    variance = [s ** 2, c! ** 2 * variance[0]! + d! ** 2 * variance[1]! + added];
  };
  const up = (s: number, t: number): void => {
    const a = (1 - t) / (1 - s);
    mean = mean.map((value) => a * value);
    variance = variance.map((value) => a ** 2 * value + t ** 2 - (a * s) ** 2);
  };
  for (let i = 0; i < steps; i++) {
    const [t, s] = [1 - i / steps, 1 - (i + 1) / steps];
    for (let round = 0; round < (i + 1 < steps ? repeats : 1); round++) {
      if (round > 0) up(s, t);
      down(t, s);
    }
  }
  return { mean: mean[1]!, std: Math.sqrt(variance[1]!) };
}

describe('inpainting of correlated normal numbers', () => {
  test.each([
    { steps: 1, repeats: 1 },
    { steps: 4, repeats: 1 },
    { steps: 4, repeats: 3 },
  ])('has the law that was worked out, in $steps steps with $repeats rounds', async ({ steps, repeats }) => {
    for (const sampler of [flowMapSampler(), consistency()]) {
      const { mean, std } = moments(await completed({ steps, repeats, sampler }));
      const wanted = workedOut(steps, repeats, sampler.name === 'consistency');
      // Four standard errors.
      expect(Math.abs(mean - wanted.mean)).toBeLessThan((4 * wanted.std) / Math.sqrt(COUNT));
      expect(Math.abs(std - wanted.std)).toBeLessThan((4 * wanted.std) / Math.sqrt(2 * COUNT));
    }
  });

  test('that law is the posterior in the limit of many steps and rounds', () => {
    // Of two normal numbers, the second given the first has the mean ρ y and the deviation c sqrt(1 - ρ²).
    const posterior = { mean: LAW.correlation * KNOWN, std: LAW.std * Math.sqrt(1 - LAW.correlation ** 2) };
    for (const isConsistency of [false, true]) {
      const errors = [[8, 4], [32, 16], [128, 64]].map(([steps, repeats]) => {
        const { mean, std } = workedOut(steps!, repeats!, isConsistency);
        return Math.abs(mean - posterior.mean) + Math.abs(std - posterior.std);
      }); // prettier-ignore
      expect(errors[1]).toBeLessThan(errors[0]! / 2);
      expect(errors[2]).toBeLessThan(0.02);
    }
  });
});

test('values of independent numbers come from the model alone', async () => {
  const { map } = gaussianModels({ mean: 0.7, std: 0.5 });
  const known = hostTensor([3, 1], Float32Array.of(1, 2, 3));
  const mask = hostTensor([3, 1], Float32Array.of(1, 0, 0));
  const start = normalBatch({ seed: 2, purpose: 'inpaint.start' }, [3, 1]);
  for (const batchSize of [3, 2]) {
    const { data } = await inpaint(map, { runtime, known, mask, seed: 2, steps: 5, batchSize });
    expect(data[0]).toBe(1);
    for (const i of [1, 2]) expect(data[i]).toBeCloseTo(0.7 + 0.5 * start[i]!, 10);
  }
});

test('known values are kept and wanted ones follow the labels', async () => {
  const model = exactModel(true);
  const known = hostTensor([2, 2], Float32Array.of(9, 0, 9, 0));
  const mask = hostTensor([2, 2], Float32Array.of(1, 0, 1, 0));
  const of = async (labels: string[]) =>
    Array.from((await inpaint(model, { runtime, known, mask, seed: 0, labels })).data);
  const [here, moved] = [await of(['here']), await of(['here', 'moved'])];
  expect([here[0], here[2]]).toEqual([9, 9]);
  expect(moved.slice(0, 3)).toEqual(here.slice(0, 3));
  expect(moved[3]! - here[3]!).toBeCloseTo(1.5, 10);
});

test('what the unknown values are makes no difference, even if they are no numbers', async () => {
  const { map } = gaussianModels({ mean: 0.7, std: 0.5 });
  const mask = hostTensor([2, 1], Float32Array.of(1, 0));
  const of = async (unknown: number) => {
    const known = hostTensor([2, 1], Float32Array.of(1, unknown));
    return Array.from((await inpaint(map, { runtime, known, mask, seed: 0 })).data);
  };
  const wanted = await of(7);
  expect(wanted.every(Number.isFinite)).toBe(true);
  for (const unknown of [NaN, Infinity]) expect(await of(unknown)).toEqual(wanted);
});

test('known values go to the device once for each batch', async () => {
  const { map } = gaussianModels({ std: 0.5 });
  const known = hostTensor([3, 1], new Float32Array(3));
  const calls: string[][] = [];
  const watching = watched(runtime, (_, values) => calls.push(Object.keys(values)));
  await inpaint(map, { runtime: watching, known, mask: known, seed: 0, steps: 2, batchSize: 2 });
  const step = ['x', 'times', 'noise'];
  const batch = [['known', 'mask'], step, step];
  expect(calls).toEqual([...batch, ...batch]);
});

test('a program that does not compile releases the one before', async () => {
  const { map } = gaussianModels({ std: 0.5 });
  const known = hostTensor([1, 1], new Float32Array(1));
  let [compiled, live] = [0, 0];
  const full: Runtime = {
    ...runtime,
    async compile(program) {
      if (++compiled === 2) throw new Error('no room');
      const executable = await runtime.compile(program);
      live++;
      return Object.assign(Object.create(executable) as Executable, {
        dispose: () => (live--, executable.dispose()),
      });
    },
  };
  await expect(inpaint(map, { runtime: full, known, mask: known, seed: 0 })).rejects.toThrow('no room');
  expect([compiled, live]).toEqual([2, 0]);
});

test('what cannot be completed is refused', async () => {
  const { map, field } = gaussianModels({ std: 0.5 });
  const known: HostTensor = hostTensor([2, 1], new Float32Array(2));
  const good = { runtime, known, mask: known, seed: 0 };
  const refused = async (options: object, message: string, model = map): Promise<void> => {
    await expect(inpaint(model, { ...good, ...options })).rejects.toThrow(message);
  };
  await refused({ mask: hostTensor([2, 1], [0, 0.5]) }, 'inpaint.mask: wanted 0 and 1 alone, got 0.5');
  await refused({ mask: hostTensor([1, 1], [0]) }, 'inpaint, mask: wanted [2, 1], got [1, 1]');
  await refused({ sampler: adamsBashforth() }, "inpaint.sampler: wanted one of single steps, got 'adams-bashforth'");
  await refused({ repeats: 0 }, 'inpaint.repeats: wanted a whole number >= 1');
  await refused({ seed: -1 }, 'inpaint.seed: wanted a whole number >= 0');
  await refused({ sampler: flowMapSampler() }, "inpaint.sampler: 'flow-map' wants a flow map", field);
  await expect(inpaint(map, { ...good, repeats: 0 })).rejects.toBeInstanceOf(ConfigError);
});

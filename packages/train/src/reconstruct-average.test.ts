import { CheckpointError, ConfigError, mlp, type Model } from '@flowmap/core';
import { hostTensor, type HostTensors } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { powerEma } from './ema.js';
import { ReconstructionError } from './errors.js';
import { gammaOf, type PowerProfile } from './internal/power-profile.js';
import { averageCoefficients, reconstructAverage } from './reconstruct-average.js';
import type { Snapshot } from './snapshots.js';

const every = (step: number, until: number, widths: readonly number[]): PowerProfile[] =>
  widths.flatMap((width) => Array.from({ length: until / step }, (_, i) => ({ width, step: step * (i + 1) })));

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

describe('coefficients', () => {
  /** Mean of a profile in each of `bins` equal parts of [0, end]. */
  function binned({ width, step }: PowerProfile, end: number, bins: number): number[] {
    const power = gammaOf(width) + 1;
    const until = (tau: number): number => Math.min(1, tau / step) ** power;
    return Array.from(
      { length: bins },
      (_, i) => ((until(((i + 1) * end) / bins) - until((i * end) / bins)) * bins) / end,
    );
  }

  /** Least squares over the columns themselves: the modified Gram-Schmidt process, twice, and substitution. */
  function leastSquares(columns: readonly (readonly number[])[], right: readonly number[]): number[] {
    const basis: number[][] = [];
    const upper = columns.map(() => new Array<number>(columns.length).fill(0));
    for (const [j, column] of columns.entries()) {
      let rest = [...column];
      for (let pass = 0; pass < 2; pass++) {
        for (const [i, direction] of basis.entries()) {
          const part = dot(direction, rest);
          upper[i]![j]! += part;
          rest = rest.map((value, row) => value - part * direction[row]!);
        }
      }
      const length = Math.sqrt(dot(rest, rest));
      upper[j]![j] = length;
      basis.push(rest.map((value) => value / length));
    }
    const along = basis.map((direction) => dot(direction, right));
    const solution = columns.map(() => 0);
    for (let i = columns.length - 1; i >= 0; i--) {
      const later = solution.slice(i + 1).reduce((sum, value, k) => sum + upper[i]![i + 1 + k]! * value, 0);
      solution[i] = (along[i]! - later) / upper[i]![i]!;
    }
    return solution;
  }

  test.each([0.03, 0.07, 0.15])('for width %d are those of least squares on profiles in small parts', (width) => {
    const snapshots = every(100, 600, [0.05, 0.1]);
    const [end, bins] = [600, 12_000];
    const columns = snapshots.map((profile) => binned(profile, end, bins));
    const right = binned({ width, step: end }, end, bins);
    const wanted = leastSquares(columns, right);
    const { coefficients, residual } = averageCoefficients({ snapshots, width });
    // The parts change inner products by (gamma / bins)^2, about 1e-6, and coefficients by some tens of
    // that.
    coefficients.forEach((value, i) => expect(Math.abs(value - wanted[i]!)).toBeLessThan(1e-4));
    const rest = right.map((value, row) => value - columns.reduce((sum, c, i) => sum + c[row]! * wanted[i]!, 0));
    expect(residual).toBeCloseTo(Math.sqrt(dot(rest, rest) / dot(right, right)), 5);
  });

  test('of two profiles at one step are those of the normal equations by hand', () => {
    const snapshots = [
      { width: 0.05, step: 10 },
      { width: 0.1, step: 10 },
    ];
    const [a, b, c] = [0.05, 0.1, 0.07].map(gammaOf) as [number, number, number];
    const product = (p: number, q: number): number => ((p + 1) * (q + 1)) / (p + q + 1);
    const determinant = product(a, a) * product(b, b) - product(a, b) ** 2;
    const wanted = [
      (product(a, c) * product(b, b) - product(b, c) * product(a, b)) / determinant,
      (product(b, c) * product(a, a) - product(a, c) * product(a, b)) / determinant,
    ];
    const { coefficients } = averageCoefficients({ snapshots, width: 0.07 });
    coefficients.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 11));
  });

  test('of what is there are 1 and 0, and all stay small for many snapshots that are alike', () => {
    const snapshots = every(32, 2048, [0.05, 0.1]);
    const same = averageCoefficients({ snapshots, width: 0.1, step: 1024 });
    snapshots.forEach(({ width, step }, i) => {
      expect(same.coefficients[i]).toBeCloseTo(width === 0.1 && step === 1024 ? 1 : 0, 8);
    });
    const between = averageCoefficients({ snapshots, width: 0.07 });
    expect(between.residual).toBeLessThan(3e-4);
    expect(between.coefficients.reduce((sum, value) => sum + Math.abs(value), 0)).toBeLessThan(3);
    expect(between.coefficients.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
    const twice = averageCoefficients({ snapshots: [...snapshots, ...snapshots], width: 0.07 });
    expect(twice.residual).toBeCloseTo(between.residual, 7);
  });
});

/** A model of an MLP whose parameters all hold one number. */
const network = mlp({ shape: [2], width: 4, depth: 1 });
const filled = (value: number): HostTensors =>
  Object.fromEntries(
    Object.entries(network.parameters).map(([name, { shape }]) => {
      const size = shape.reduce((product, extent) => product * extent, 1);
      return [name, hostTensor(shape, new Float64Array(size).fill(value))];
    }),
  );
const model: Omit<Model, 'params'> = { kind: 'velocity', network, classes: [] };
function snapshotOf(profile: PowerProfile, params: HostTensors, more: Partial<Snapshot> = {}): Snapshot {
  const tensor = (name: string): ReturnType<Snapshot['tensor']> => Promise.resolve(params[name]!);
  return { ...profile, trainee: 'student', average: 'ema', source: `at ${profile.step}`, model, tensor, ...more };
}

describe('weights that follow a polynomial', () => {
  const end = 2000;
  /** A cubic in the fraction of the run, at the middle of step k. */
  const theta = (k: number): number => {
    const u = (k - 0.5) / end;
    return 1 - 3 * u + 5 * u ** 2 - 2 * u ** 3;
  };
  /** Its power-function average in closed form: `u^m` becomes `(gamma + 1) / (gamma + 1 + m) u^m`. */
  const closedForm = (width: number, step: number): number => {
    const [power, u] = [gammaOf(width) + 1, step / end];
    const of = (m: number): number => (power / (power + m)) * u ** m;
    return 1 - 3 * of(1) + 5 * of(2) - 2 * of(3);
  };
  /** The average by the updates of a training. */
  function tracked(width: number, step: number): number {
    const decay = powerEma(width);
    let average = 7; // the first update forgets it
    for (let k = 1; k <= step; k++) {
      const beta = decay({ step: k - 1, iterations: end });
      average = beta * average + (1 - beta) * theta(k);
    }
    return average;
  }
  const snapshots = every(100, end, [0.05, 0.1]).map((profile) =>
    snapshotOf(profile, filled(tracked(profile.width, profile.step))),
  );
  const anyValue = ({ params }: Model): number => Object.values(params)[0]!.data[0]!;

  test.each([0.03, 0.05, 0.07, 0.1, 0.2])('are averaged as the closed form has it: width %d', (width) => {
    // A step is the middle of its part of the profile, which is exact to the second order in 1 / end.
    expect(tracked(width, end)).toBeCloseTo(closedForm(width, end), 5);
  });

  test.each([
    [0.03, 1e-4],
    [0.05, 1e-9],
    [0.07, 1e-5],
    [0.1, 1e-9],
    [0.15, 1e-4],
    [0.2, 3e-4],
  ])('are reconstructed at width %d to %d', async (width, error) => {
    const { model, residual } = await reconstructAverage({ snapshots, width });
    const wanted = tracked(width, end);
    expect(Math.abs(anyValue(model) - wanted)).toBeLessThan(error);
    expect(Math.abs(anyValue(model) - closedForm(width, end))).toBeLessThan(error + 1e-6); // that of a finite number of steps
    // By the Cauchy-Schwarz inequality, the residual bounds the distance of steps' weights, and theta is at most
    // 1 in size.
    const [gamma, size] = [gammaOf(width), Math.sqrt(end)];
    const norm = (gamma + 1) / Math.sqrt((2 * gamma + 1) * end);
    expect(Math.abs(anyValue(model) - wanted)).toBeLessThan(residual * norm * size + 1e-9);
    expect(model.training).toEqual({ step: end, averageWidth: width });
  });

  test('are reconstructed at an earlier step that has snapshots', async () => {
    const { model } = await reconstructAverage({ snapshots, width: 0.07, step: 1500 });
    expect(Math.abs(anyValue(model) - tracked(0.07, 1500))).toBeLessThan(5e-5);
    await expect(reconstructAverage({ snapshots, width: 0.07, step: 1550 })).rejects.toBeInstanceOf(
      ReconstructionError,
    );
  });

  test('at a width or a step that snapshots cannot represent are refused', async () => {
    const narrow = await reconstructAverage({ snapshots, width: 0.005 }).catch((thrown: unknown) => thrown);
    expect(narrow).toBeInstanceOf(ReconstructionError);
    expect(narrow).toMatchObject({ width: 0.005, step: end, maxResidual: 0.05 });
    expect((narrow as ReconstructionError).residual).toBeGreaterThan(0.3);
    expect((narrow as Error).message).toMatch(/40 snapshots, of widths 0.05, 0.1 and steps 100 to 2000, represent it/);
    await expect(reconstructAverage({ snapshots, width: 0.07, step: 2 * end })).rejects.toBeInstanceOf(
      ReconstructionError,
    );
    const [only] = snapshots.slice(-1);
    await expect(reconstructAverage({ snapshots: [only!], width: 0.07 })).rejects.toBeInstanceOf(ReconstructionError);
  });
});

describe('reconstruction', () => {
  const one = { width: 0.05, step: 8 };

  test('has one tensor in memory at a time, and none of snapshots that it does not need', async () => {
    let held = 0;
    let most = 0;
    const read: string[] = [];
    const watched = every(2, 8, [0.05, 0.1]).map((profile) =>
      snapshotOf(
        profile,
        {},
        {
          async tensor(name) {
            read.push(`${profile.width} ${profile.step}`);
            most = Math.max(most, ++held);
            await Promise.resolve();
            held--;
            return filled(1)[name]!;
          },
        },
      ),
    );
    await reconstructAverage({ snapshots: watched, width: 0.07 });
    expect(most).toBe(1);
    expect(new Set(read).size).toBe(8);
    read.length = 0;
    await reconstructAverage({ snapshots: [watched[3]!], width: 0.05 });
    expect(read).toHaveLength(Object.keys(network.parameters).length);
  });

  test('leaves weights that stand still as they are', async () => {
    const still = every(2, 8, [0.05, 0.1]).map((profile) => snapshotOf(profile, filled(3)));
    const { model: made, residual } = await reconstructAverage({ snapshots: still, width: 0.07 });
    expect(residual).toBeGreaterThan(0.01);
    for (const { data } of Object.values(made.params)) data.forEach((value) => expect(value).toBeCloseTo(3, 13));
  });

  test('keeps float32 as it was stored', async () => {
    const single = Object.fromEntries(
      Object.entries(network.init(3)).map(([name, { shape, data }]) => [
        name,
        hostTensor(shape, new Float32Array(data)),
      ]),
    );
    const { model: made, residual } = await reconstructAverage({ snapshots: [snapshotOf(one, single)], width: 0.05 });
    expect(made.params).toEqual(single);
    expect(residual).toBeLessThan(1e-7);
  });

  test('refuses what it cannot add up', async () => {
    const fails = (snapshots: Snapshot[], more = {}): Promise<unknown> =>
      reconstructAverage({ snapshots, width: 0.05, ...more }).catch((thrown: unknown) => thrown);
    const first = snapshotOf(one, filled(1));
    expect(await fails([])).toBeInstanceOf(ConfigError);
    expect(await fails([first], { width: 0.3 })).toMatchObject({
      message: expect.stringContaining('(0, 0.28)') as string,
    });
    expect(await fails([first], { step: 0 })).toBeInstanceOf(ConfigError);
    for (const maxResidual of [-1, 1]) expect(await fails([first], { maxResidual })).toBeInstanceOf(ConfigError);
    expect(await fails([first, snapshotOf(one, filled(1), { trainee: 'critic' })])).toBeInstanceOf(ConfigError);

    const wider = mlp({ shape: [2], width: 5, depth: 1 });
    const foreign = snapshotOf({ ...one, step: 9 }, wider.init(0), { model: { ...model, network: wider } });
    const other = await fails([first, foreign]);
    expect(other).toBeInstanceOf(CheckpointError);
    expect(other).toMatchObject({ source: 'at 9' });
    const damaged = await fails([snapshotOf(one, wider.init(0))]);
    expect(damaged).toBeInstanceOf(CheckpointError);
    expect((damaged as CheckpointError).tensor).toBeDefined();
  });
});

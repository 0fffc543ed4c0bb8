import type { Objective } from '@flowmap/core';
import { describeChecks, type Check } from '@flowmap/core/testing';
import { normals, requireKnownOptions, sizeOf, type Runtime } from '@flowmap/tensor';
import { expect } from 'vitest';
import { evaluateToy } from './evaluate-toy.js';
import { toyPoint, toyVelocity, type ToyParameters, type ToySample } from './toy.js';

/** A sample for which a gradient is worked out by hand. */
export interface ToyCase extends ToySample {
  /** The point on the path. */
  readonly xt: number;
  /** What the objective drew besides the times. */
  readonly draws: Readonly<Record<string, readonly number[]>>;
  /** The teacher's velocity anywhere; at `(xt, t)` it is `velocity`. */
  readonly velocityAt: (x: number, t: number) => number;
}

/** What the suite must know about an objective. */
export interface ObjectiveContract {
  /** A runtime that computes in double precision. */
  readonly runtime: Runtime;
  /**
   * Whether the loss uses the student's derivatives in time, as distillation does, or the student at times other than
   * t, s.
   */
  readonly usesTimeDerivative: boolean;
  /**
   * Whether gradients flow through these derivatives, which means that the gradient with respect to `e` is worked
   * out too; false unless given.
   */
  readonly gradientThroughDerivative?: boolean;
  /** Whether every sample has a time of its own or times lie on a grid; `continuous` unless given. */
  readonly times?: 'continuous' | 'grid';
  /** Whether targets lie towards data, `s <= t`, or on both sides of t; `down` unless given. */
  readonly orders?: 'down' | 'both';
  /**
   * Gradient of one sample's loss with respect to `(a, b, d)` of the toy student `F = a x (1 + b t + d s)`, worked out
   * by hand, and with respect to `e` if gradients flow through derivatives: `dF/de` is 0 at the sample's own times,
   * and its derivative in t or s is `(t - s) x`.
   *
   * @param schedules values of the objective's schedules, by name
   */
  gradient(
    sample: ToyCase,
    params: ToyParameters,
    schedules: Readonly<Record<string, number>>,
  ): readonly [number, number, number, number?];
}

const PARAMS: ToyParameters = { a: 0.4, b: 0.3, d: -0.2, e: 0 };

const SAMPLES: readonly ToySample[] = [
  { x0: 0.9, noise: -0.4, t: 0.8, s: 0.3, velocity: -1.1 },
  { x0: -1.3, noise: 0.7, t: 0.55, s: 0.05, velocity: 1.6 },
  { x0: 0.2, noise: 1.9, t: 1, s: 0, velocity: 0.8 },
];

/** Number of samples whose times the objective draws itself. */
const DRAWN = 8;

/**
 * The contract of an {@link Objective}, as vitest tests: draws that depend on seed and step alone, schedules that are
 * inputs, scalars that stay finite at the ends of the path and at s = t, targets that no gradient flows through, and
 * the gradient worked out by hand.
 *
 * @param name name of the suite
 * @param make makes the objective under test
 */
export function describeObjective(name: string, make: () => Objective, contract: ObjectiveContract): void {
  describeChecks(`objective ${name}`, objectiveChecks(make, contract));
}

/** The checks of {@link describeObjective}, as functions that throw. */
export function objectiveChecks(make: () => Objective, contract: ObjectiveContract): Check[] {
  requireKnownOptions('objectiveChecks', contract, {
    runtime: true,
    usesTimeDerivative: true,
    gradientThroughDerivative: true,
    times: true,
    orders: true,
    gradient: true,
  });
  const objective = make();
  const {
    runtime,
    usesTimeDerivative,
    gradientThroughDerivative = false,
    times = 'continuous',
    orders = 'down',
  } = contract;
  const middle = schedulesAt(objective, 37, 100);
  const drawn = drawnSamples(objective);
  const samples = times === 'continuous' && objective.draws === undefined ? [...SAMPLES, ...drawn] : drawn;
  const named = Object.entries(objective.draws ?? {});

  return [
    {
      title: `draws times ${orders === 'down' ? '0 <= s <= t <= 1' : 's and t in [0, 1]'} from seed, step and sample alone`,
      run() {
        const { t, s } = objective.draw({ seed: 3, step: 5, iterations: 100 }, 64);
        expect([t.length, s.length]).toEqual([64, 64]);
        for (let i = 0; i < 64; i++) {
          expect(Math.min(s[i]!, t[i]!)).toBeGreaterThanOrEqual(0);
          if (orders === 'down') expect(t[i]).toBeGreaterThanOrEqual(s[i]!);
          expect(Math.max(s[i]!, t[i]!)).toBeLessThanOrEqual(1);
        }
        const ups = s.filter((target, i) => target > t[i]!).length;
        expect(ups > 0 && ups < 64).toBe(orders === 'both');
        expect(objective.draw({ seed: 3, step: 5, iterations: 100 }, 64)).toMatchObject({ t, s });
        const few = objective.draw({ seed: 3, step: 5, iterations: 100 }, 8);
        expect(few).toMatchObject({ t: t.slice(0, 8), s: s.slice(0, 8) });
        expect(objective.draw({ seed: 3, step: 6, iterations: 100 }, 64).t).not.toEqual(t);
        expect(objective.draw({ seed: 4, step: 5, iterations: 100 }, 64).t).not.toEqual(t);
        const distinct = new Set(t).size;
        if (times === 'continuous') expect(distinct).toBe(64);
        else expect(distinct).toBeGreaterThan(1);
      },
    },
    {
      title: 'draws what it names, and nothing else, from seed, step and sample alone',
      run() {
        const all = objective.draw({ seed: 3, step: 5, iterations: 100 }, 64);
        expect(Object.keys(all).sort()).toEqual([...named.map(([name]) => name), 's', 't'].sort());
        const [again, few] = [
          objective.draw({ seed: 3, step: 5, iterations: 100 }, 64),
          objective.draw({ seed: 3, step: 5, iterations: 100 }, 8),
        ];
        for (const [name, shape] of named) {
          const size = sizeOf(shape);
          expect(all[name]!.length, name).toBe(64 * size);
          expect(all[name]!.every(Number.isFinite), `${name} is finite`).toBe(true);
          expect(again[name], name).toEqual(all[name]);
          expect(few[name], name).toEqual(all[name]!.slice(0, 8 * size));
        }
      },
    },
    {
      title: 'has schedules that are finite functions of the progress',
      run() {
        for (const [step, iterations] of [
          [0, 1],
          [0, 1000],
          [499, 1000],
          [999, 1000],
        ] as const) {
          const values = Object.values(schedulesAt(objective, step, iterations));
          expect(values.every(Number.isFinite)).toBe(true);
          expect(Object.values(schedulesAt(objective, step, iterations))).toEqual(values);
        }
      },
    },
    {
      title: 'describes its settings in JSON',
      run() {
        expect(objective.name).not.toBe('');
        expect(objective.needs.average).not.toBe('');
        expect(JSON.parse(JSON.stringify(objective.config))).toEqual(objective.config);
      },
    },
    {
      title: 'takes schedules as inputs: one program gives what a program made for each value gives',
      async run() {
        const traced = await evaluateToy(runtime, objective, PARAMS, samples, middle);
        const constants = { schedules: 'constants' } as const;
        expect(traced).toEqual(await evaluateToy(runtime, objective, PARAMS, samples, middle, constants));
      },
    },
    {
      title: 'is finite at s = t and at the ends of the path',
      async run() {
        const ends = [0, 0.5, 1].map((time) => ({ x0: 0.3, noise: -0.8, t: time, s: time, velocity: 0.6 }));
        const { gradient, ...scalars } = await evaluateToy(runtime, objective, PARAMS, ends, middle);
        for (const value of [...gradient, ...Object.values(scalars)]) expect(value).toSatisfy(Number.isFinite);
      },
    },
    {
      title: gradientThroughDerivative
        ? 'lets the gradient flow through derivatives in time'
        : 'stops the gradient of what the target is made of',
      async run() {
        const at = (e: number): ReturnType<typeof evaluateToy> =>
          evaluateToy(runtime, objective, { ...PARAMS, e }, samples, middle);
        const [here, there] = [await at(0), await at(0.5)];
        // e changes only derivatives and F at other times. Where these are stopped its gradient is exactly zero,
        // although the loss depends on it.
        expect(Math.abs(here.loss - there.loss) > 1e-6).toBe(usesTimeDerivative);
        for (const { gradient } of [here, there]) {
          if (gradientThroughDerivative) expect(Math.abs(gradient[3]!)).toBeGreaterThan(1e-6);
          else expect(Math.abs(gradient[3]!)).toBe(0);
        }
      },
    },
    {
      title: 'looks at the moving average that it asks for, and at none else',
      async run() {
        const { average } = objective.needs;
        const losses = [0.2, 0.9].map(async (a) => {
          const other = { average: { a, b: 0.1, d: 0.3, e: -0.2 } };
          return (await evaluateToy(runtime, objective, PARAMS, samples, middle, other)).loss;
        });
        const [one, two] = await Promise.all(losses);
        expect(Math.abs(one! - two!) > 1e-6).toBe(average !== undefined);
      },
    },
    {
      title: 'has the gradient worked out by hand, averaged over the batch',
      async run() {
        for (const schedules of [schedulesAt(objective, 0, 100), middle]) {
          const { gradient } = await evaluateToy(runtime, objective, PARAMS, samples, schedules);
          const byHand = samples.map((sample) => contract.gradient(caseOf(sample), PARAMS, schedules));
          for (const k of gradientThroughDerivative ? [0, 1, 2, 3] : [0, 1, 2]) {
            const mean = byHand.reduce((sum, g) => sum + (g[k] ?? NaN), 0) / samples.length;
            // Both are in double precision; 1e-12 allows for a different order of summation.
            expect(gradient[k], `by ${'abde'[k]!}`).toBeCloseTo(mean, 12);
          }
        }
      },
    },
  ];
}

/** Samples with the times that the objective draws, and whatever else it draws. */
function drawnSamples(objective: Objective): ToySample[] {
  const [x0, noise, velocity] = ['x0', 'noise', 'velocity'].map((purpose) => normals({ seed: 7, purpose }, DRAWN));
  const { t, s, ...others } = objective.draw({ seed: 11, step: 2, iterations: 100 }, DRAWN);
  return Array.from({ length: DRAWN }, (_, i) => {
    const draws = Object.entries(others).map(([name, values]) => {
      const size = values.length / DRAWN;
      return [name, [...values.slice(i * size, (i + 1) * size)]] as const;
    });
    const point = { x0: x0![i]!, noise: noise![i]!, velocity: velocity![i]! };
    return { ...point, t: t[i]!, s: s[i]!, draws: Object.fromEntries(draws) };
  });
}

function caseOf(sample: ToySample): ToyCase {
  return {
    draws: {},
    ...sample,
    xt: toyPoint(sample),
    velocityAt: (x, t) => toyVelocity(sample, x, t),
  };
}

function schedulesAt(objective: Objective, step: number, iterations: number): Record<string, number> {
  const values = Object.entries(objective.schedules).map(([key, schedule]) => [key, schedule({ step, iterations })]);
  return Object.fromEntries(values) as Record<string, number>;
}

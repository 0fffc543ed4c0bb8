import type { Objective } from '@flowmap/core';
import {
  constant,
  gradients,
  hostTensor,
  program,
  type HostTensors,
  type Runtime,
  type Tensors,
} from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { TOY_PARAMETERS, toyBatch, toyLoss, type ToyParameters, type ToySample } from './toy.js';

/** What the suite must know about an objective. */
export interface ObjectiveContract {
  /** Computes in double precision. */
  readonly runtime: Runtime;
  /** Whether the loss looks at the student's derivative in time, as distillation does. */
  readonly usesTimeDerivative: boolean;
  /**
   * Gradient of one sample's loss by `(a, b, d)` of the toy student `F = a x (1 + b t + d s)`, worked out by hand.
   *
   * @param xt the point on the path
   * @param schedules values of the objective's schedules
   */
  gradient(
    sample: ToySample & { readonly xt: number },
    params: ToyParameters,
    schedules: Readonly<Record<string, number>>,
  ): readonly [number, number, number];
}

const PARAMS: ToyParameters = { a: 0.4, b: 0.3, d: -0.2, e: 0 };

const SAMPLES: readonly ToySample[] = [
  { x0: 0.9, noise: -0.4, t: 0.8, s: 0.3, velocity: -1.1 },
  { x0: -1.3, noise: 0.7, t: 0.55, s: 0.05, velocity: 1.6 },
  { x0: 0.2, noise: 1.9, t: 1, s: 0, velocity: 0.8 },
];

/**
 * The contract of an {@link Objective}, as vitest tests: times that depend on seed and step alone, schedules that are inputs,
 * scalars that stay finite at the ends of the path and at s = t, targets through which no gradient flows, and the gradient
 * worked out by hand.
 *
 * @param name of the suite
 * @param make the objective under test
 */
export function describeObjective(name: string, make: () => Objective, contract: ObjectiveContract): void {
  describe(`objective ${name}`, () => {
    const objective = make();
    const { runtime } = contract;
    const middle = schedulesAt(objective, 37, 100);

    test('draws times 0 <= s <= t <= 1 from seed, step and sample alone', () => {
      const { t, s } = objective.draw({ seed: 3, step: 5 }, 64);
      for (let i = 0; i < 64; i++) {
        expect(s[i]).toBeGreaterThanOrEqual(0);
        expect(t[i]).toBeGreaterThanOrEqual(s[i]!);
        expect(t[i]).toBeLessThanOrEqual(1);
      }
      expect(objective.draw({ seed: 3, step: 5 }, 64)).toEqual({ t, s });
      const few = objective.draw({ seed: 3, step: 5 }, 8);
      expect(few).toEqual({ t: t.slice(0, 8), s: s.slice(0, 8) });
      expect(objective.draw({ seed: 3, step: 6 }, 64).t).not.toEqual(t);
      expect(objective.draw({ seed: 4, step: 5 }, 64).t).not.toEqual(t);
      expect(new Set(t).size).toBe(64);
    });

    test('has schedules that are finite functions of the progress', () => {
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
    });

    test('describes its settings in JSON', () => {
      expect(JSON.parse(JSON.stringify(objective.config))).toEqual(objective.config);
    });

    test('takes schedules as inputs: one program gives what a program made for each value gives', async () => {
      const traced = await evaluateToy(runtime, objective, PARAMS, SAMPLES, middle, 'inputs');
      expect(traced).toEqual(await evaluateToy(runtime, objective, PARAMS, SAMPLES, middle, 'constants'));
    });

    test('is finite at s = t and at the ends of the path', async () => {
      const ends = [0, 0.5, 1].map((time) => ({ x0: 0.3, noise: -0.8, t: time, s: time, velocity: 0.6 }));
      const { gradient, ...scalars } = await evaluateToy(runtime, objective, PARAMS, ends, middle);
      for (const value of [...gradient, ...Object.values(scalars)]) expect(value).toSatisfy(Number.isFinite);
    });

    test('stops the gradient of what the target is made of, and of nothing else', async () => {
      const at = async (e: number): Promise<{ loss: number; gradient: number[] }> =>
        evaluateToy(runtime, objective, { ...PARAMS, e }, SAMPLES, middle);
      const [here, there] = [await at(0), await at(0.5)];
      // e moves nothing but dF/dt, so its gradient is exactly zero although the loss depends on it.
      expect(Math.abs(here.loss - there.loss) > 1e-6).toBe(contract.usesTimeDerivative);
      expect(here.gradient[3]).toBe(0);
      expect(there.gradient[3]).toBe(0);
    });

    test('has the gradient worked out by hand, averaged over the batch', async () => {
      for (const schedules of [schedulesAt(objective, 0, 100), middle]) {
        const { gradient } = await evaluateToy(runtime, objective, PARAMS, SAMPLES, schedules);
        const byHand = SAMPLES.map((sample) =>
          contract.gradient({ ...sample, xt: sample.x0 + sample.t * (sample.noise - sample.x0) }, PARAMS, schedules),
        );
        for (const k of [0, 1, 2] as const) {
          const mean = byHand.reduce((sum, g) => sum + g[k], 0) / SAMPLES.length;
          // Both are double precision; 1e-12 leaves room for another order of summation.
          expect(gradient[k]).toBeCloseTo(mean, 12);
        }
      }
    });
  });
}

/**
 * Loss, metrics and gradient of an objective on the toy student.
 *
 * @param mode whether schedules are the program's inputs or constants in it
 */
export async function evaluateToy(
  runtime: Runtime,
  objective: Objective,
  params: ToyParameters,
  samples: readonly ToySample[],
  schedules: Readonly<Record<string, number>>,
  mode: 'inputs' | 'constants' = 'inputs',
): Promise<{ loss: number; gradient: number[] } & Record<string, number | number[]>> {
  const scalars = (values: Readonly<Record<string, number>>): HostTensors =>
    Object.fromEntries(Object.entries(values).map(([key, value]) => [key, hostTensor([], Float64Array.of(value))]));
  const batch = toyBatch(samples);
  const feeds: HostTensors = { ...batch, ...scalars({ ...params }), ...(mode === 'inputs' ? scalars(schedules) : {}) };
  const specs = Object.fromEntries(Object.entries(feeds).map(([key, { shape }]) => [key, shape]));
  const built = program('toy', { inputs: specs }, (inputs) => {
    const own = Object.fromEntries(TOY_PARAMETERS.map((key) => [key, inputs[key]!]));
    const scheduled: Tensors = Object.fromEntries(
      Object.entries(schedules).map(([key, value]) => [key, inputs[key] ?? constant([value], [])]),
    );
    const { loss, metrics } = toyLoss(objective, own, inputs, scheduled);
    const gradient = Object.entries(gradients(loss, own)).map(([key, value]) => [`gradient.${key}`, value] as const);
    return { outputs: { loss, ...metrics, ...Object.fromEntries(gradient) } };
  });
  const executable = await runtime.compile(built);
  const outputs = await executable.run(feeds);
  const values: Record<string, number> = {};
  for (const [key, tensor] of Object.entries(outputs)) {
    expect(tensor.shape).toEqual([]);
    values[key] = (await tensor.read()).data[0]!;
  }
  await executable.dispose();
  const gradient = TOY_PARAMETERS.map((key) => values[`gradient.${key}`]!);
  const rest = Object.entries(values).filter(([key]) => !key.startsWith('gradient.'));
  return { loss: NaN, ...Object.fromEntries(rest), gradient };
}

function schedulesAt(objective: Objective, step: number, iterations: number): Record<string, number> {
  const values = Object.entries(objective.schedules).map(([key, schedule]) => [key, schedule({ step, iterations })]);
  return Object.fromEntries(values) as Record<string, number>;
}

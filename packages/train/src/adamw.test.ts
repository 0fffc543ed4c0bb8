import { describeOptimizer } from '@flowmap/core/testing';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, program, full, type HostTensors } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { adamw, type AdamwOptions } from './adamw.js';

describeOptimizer('adamw', () => adamw(), { runtime: referenceRuntime() });
describeOptimizer('adamw without memory', () => adamw({ beta1: 0, beta2: 0 }), { runtime: referenceRuntime() });
// The minimum moves where the decay balances the gradient.
describeOptimizer('adamw with decay', () => adamw({ weightDecay: 0.02 }), {
  runtime: referenceRuntime(),
  tolerance: 0.05,
});

/** A program that takes one step with a parameter of three values along a given gradient. */
function stepOf(options: AdamwOptions) {
  const optimizer = adamw(options);
  const scalars = Object.keys(optimizer.scalars(0, 0));
  const inputs = { g: [3], ...Object.fromEntries(scalars.map((name) => [name, []])) };
  const built = program<string, 'parameter' | 'm' | 'v'>(
    'adamw',
    { inputs, state: { parameter: [3], m: [3], v: [3] } },
    (given, { parameter, m, v }) => {
      const updated = optimizer.update({ parameter, slots: { m, v } }, given['g']!, given);
      return { outputs: {}, state: { parameter: updated.parameter, ...updated.slots } };
    },
  );
  return { optimizer, built };
}

const START = [0.5, -2, 3];
const GRADIENTS = [
  [1, -0.2, 0],
  [-3, 0.1, 1e-6],
  [0.5, 0.4, -2e-6],
  [2, -0.7, 0],
  [0.1, 8, 1e-7],
];
const rateAt = (step: number): number => 0.1 / (step + 1);

async function trajectory(options: AdamwOptions): Promise<number[]> {
  const { optimizer, built } = stepOf(options);
  const executable = await referenceRuntime().compile(built);
  const zeros = hostTensor([3], [0, 0, 0]);
  await executable.writeState({ parameter: hostTensor([3], Float64Array.from(START)), m: zeros, v: zeros });
  for (const [step, gradient] of GRADIENTS.entries()) {
    const scalars: HostTensors = Object.fromEntries(
      Object.entries(optimizer.scalars(rateAt(step), step)).map(([name, value]) => [
        name,
        hostTensor([], Float64Array.of(value)),
      ]),
    );
    await executable.run({ g: hostTensor([3], Float64Array.from(gradient)), ...scalars });
  }
  return [...(await executable.readState(['parameter']))['parameter']!.data];
}

/** Algorithm 2 of Loshchilov and Hutter as printed. */
function asPrinted({ beta1 = 0.9, beta2 = 0.99, epsilon = 1e-8, weightDecay = 0 }: AdamwOptions): number[] {
  return START.map((start, i) => {
    let [theta, m, v] = [start, 0, 0];
    GRADIENTS.forEach((gradient, step) => {
      const g = gradient[i]!;
      m = beta1 * m + (1 - beta1) * g;
      v = beta2 * v + (1 - beta2) * g * g;
      const mHat = m / (1 - beta1 ** (step + 1));
      const vHat = v / (1 - beta2 ** (step + 1));
      theta -= rateAt(step) * (mHat / (Math.sqrt(vHat) + epsilon) + weightDecay * theta);
    });
    return theta;
  });
}

describe('adamw', () => {
  test.each([{}, { weightDecay: 0.3 }, { beta1: 0.5, beta2: 0.9, epsilon: 1e-3 }, { beta1: 0, weightDecay: 0.01 }])(
    'is the printed algorithm with %o',
    async (options) => {
      const [ours, printed] = [await trajectory(options), asPrinted(options)];
      // Both are in double precision; the folded form rounds differently.
      ours.forEach((value, i) => expect(value).toBeCloseTo(printed[i]!, 12));
    },
  );

  test('takes ten passes over a parameter, eleven with weight decay', () => {
    const passes = (options: AdamwOptions): number =>
      stepOf(options).built.nodes.filter(
        ({ primitive, size }) => primitive !== 'constant' && primitive !== 'input' && size === 3,
      ).length;
    expect(passes({})).toBe(10);
    expect(passes({ weightDecay: 0.1 })).toBe(11);
  });

  test('moves a parameter by the learning rate on the first step, whatever the gradient', async () => {
    const { optimizer, built } = stepOf({ epsilon: 1e-30 });
    const executable = await referenceRuntime().compile(built);
    const zeros = hostTensor([3], [0, 0, 0]);
    await executable.writeState({ parameter: zeros, m: zeros, v: zeros });
    const { rate, epsilon } = optimizer.scalars(0.01, 0);
    const scalar = (value = NaN) => hostTensor([], Float64Array.of(value));
    const g = hostTensor([3], [1e-4, -7, 1e5]);
    await executable.run({ g, rate: scalar(rate), epsilon: scalar(epsilon) });
    const { parameter } = await executable.readState(['parameter']);
    [-0.01, 0.01, -0.01].forEach((value, i) => expect(parameter!.data[i]).toBeCloseTo(value, 12));
  });

  test('has an input for the weight decay only when there is one', () => {
    expect(Object.keys(adamw().scalars(1, 0))).toEqual(['rate', 'epsilon']);
    expect(adamw({ weightDecay: 0.5 }).scalars(0.1, 3)['keep']).toBe(0.95);
    expect(
      adamw().update({ parameter: full(1), slots: { m: full(0), v: full(0) } }, full(1), {
        rate: full(1),
        epsilon: full(1),
      }).parameter.shape,
    ).toEqual([]);
  });

  test('refuses settings out of their range', () => {
    expect(() => adamw({ beta1: 1 })).toThrow('adamw.beta1: wanted a number in [0, 1), got 1');
    expect(() => adamw({ beta2: -0.1 })).toThrow('adamw.beta2');
    expect(() => adamw({ epsilon: 0 })).toThrow('adamw.epsilon');
    expect(() => adamw({ weightDecay: NaN })).toThrow('adamw.weightDecay');
  });
});

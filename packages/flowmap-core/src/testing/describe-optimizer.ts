import {
  hostTensor,
  normals,
  requireKnownOptions,
  sizeOf,
  type HostTensor,
  type Runtime,
  type Shape,
} from '@flowmap/tensor';
import { expect } from 'vitest';
import type { Optimizer } from '../training/types.js';
import { describeChecks, type Check } from './check.js';
import { updaterOf, type Updater } from './updater.js';

/** How an optimizer is checked. */
export interface OptimizerContract {
  /** Computes in double precision: the float64 reference runtime. */
  readonly runtime: Runtime;
  /** Initial learning rate for minimising the quadratic, which falls linearly to 0; 0.1 unless given. */
  readonly learningRate?: number;
  /** Number of steps for minimising it; 400 unless given. */
  readonly steps?: number;
  /**
   * Largest final distance of a value from the minimum, relative to the initial distance; 0.01 unless given. Weight
   * decay moves the minimum and needs more.
   */
  readonly tolerance?: number;
  /**
   * Whether each value of a parameter moves by its own gradient alone, as in SGD and Adam; true unless given. False for
   * an optimizer that depends on a parameter as a whole: its norm, its rows and columns.
   */
  readonly elementwise?: boolean;
}

/** Names of other tensors in a training state, which a slot of the same name would replace. */
const TAKEN = ['params', 'gradient', 'gradients', 'teacher', 'ema', 'average', 'averages'];
const PLAIN_NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

const SHAPES: readonly Shape[] = [[], [3], [2, 3], [2, 1, 3, 2]];
const RATES = [0, 1e-8, 0.1, 1];
const STEPS = [0, 1, 2, 999, 1e6, 1e12];

/**
 * The contract of an optimizer, as vitest tests: slot names that nothing else has, scalars that are finite at every
 * step, one program for all steps, updates that depend only on their arguments, and finding the minimum of a quadratic.
 *
 * @param name title of the suite
 * @param make makes the optimizer; without weight decay, or with a `tolerance` that allows for it
 *
 * @example
 * describeOptimizer('adamw', () => adamw({ beta1: 0.95 }), { runtime: referenceRuntime(), learningRate: 0.05 });
 */
export function describeOptimizer(name: string, make: () => Optimizer, contract: OptimizerContract): void {
  describeChecks(`optimizer ${name}`, optimizerChecks(make, contract));
}

/** The checks of {@link describeOptimizer}, as functions that throw. */
export function optimizerChecks(make: () => Optimizer, contract: OptimizerContract): Check[] {
  requireKnownOptions('optimizerChecks', contract, {
    runtime: true,
    learningRate: true,
    steps: true,
    tolerance: true,
    elementwise: true,
  });
  const { runtime, learningRate = 0.1, steps = 400, tolerance = 0.01, elementwise = true } = contract;
  const over = async <T>(starts: readonly HostTensor[], use: (updater: Updater) => Promise<T>, optimizer = make()) => {
    const updater = await updaterOf(runtime, optimizer, starts);
    try {
      return await use(updater);
    } finally {
      await updater.dispose();
    }
  };
  /** Parameters and slots after a few steps along gradients that depend on the step. */
  const trajectory = (starts: readonly HostTensor[], gradients = drawnGradients, optimizer = make()) =>
    over(
      starts,
      async (updater) => {
        for (let step = 0; step < 4; step++)
          await updater.step(gradients(starts, step), learningRate / (step + 1), step);
        return { parameters: await updater.parameters(), slots: await updater.slots() };
      },
      optimizer,
    );

  const checks: Check[] = [
    {
      title: 'has a name, and settings that are finite numbers',
      run() {
        const { name, config } = make();
        expect(name).not.toBe('');
        expect(Object.values(config).filter((value) => !Number.isFinite(value))).toEqual([]);
        expect(JSON.parse(JSON.stringify(config))).toEqual(config);
        expect(make().config).toEqual(config);
      },
    },
    {
      title: 'names its slots by plain names, each once, that no other part of the training state has',
      run() {
        const { slots } = make();
        expect(slots.filter((slot) => !PLAIN_NAME.test(slot))).toEqual([]);
        expect(slots.filter((slot) => TAKEN.includes(slot))).toEqual([]);
        expect(slots.filter((slot, i) => slots.indexOf(slot) !== i)).toEqual([]);
      },
    },
    {
      title: 'has the same scalars at every step and rate, finite and without memory',
      run() {
        const [optimizer, other] = [make(), make()];
        const names = Object.keys(optimizer.scalars(0.1, 0));
        expect(names.filter((name) => !PLAIN_NAME.test(name))).toEqual([]);
        const pairs = RATES.flatMap((rate) => STEPS.map((step) => [rate, step] as const));
        const values = pairs.map(([rate, step]) => optimizer.scalars(rate, step));
        for (const [i, scalars] of values.entries()) {
          expect(Object.keys(scalars)).toEqual(names);
          for (const value of Object.values(scalars)) {
            expect(value, `rate and step ${pairs[i]!.join(', ')}`).toSatisfy(Number.isFinite);
          }
        }
        // The same calls in reverse order.
        const reversed = pairs.toReversed().map(([rate, step]) => other.scalars(rate, step));
        expect(reversed.toReversed()).toEqual(values);
      },
    },
    {
      title: 'updates parameters of every rank, with slots of their shape that start at zero',
      async run() {
        for (const shape of SHAPES) {
          const { parameters, slots } = await trajectory([drawn('start', shape)]);
          const optimizer = make();
          expect(slots.length).toBe(optimizer.slots.length);
          for (const tensor of [...parameters, ...slots]) {
            expect(tensor.shape).toEqual(shape);
            expectFinite(tensor);
          }
          expect(parameters[0]!.data).not.toEqual(drawn('start', shape).data);
        }
      },
    },
    {
      title: 'is the same function each time',
      async run() {
        const starts = [drawn('start', [2, 3])];
        const once = await trajectory(starts);
        expect(await trajectory(starts)).toEqual(once);
        const optimizer = make();
        await trajectory(starts, drawnGradients, optimizer);
        expect(await trajectory(starts, drawnGradients, optimizer)).toEqual(once);
      },
    },
    {
      title: 'moves each parameter alone, whatever others there are',
      async run() {
        const [one, two] = [drawn('one', [2, 3]), drawn('two', [3])];
        const together = await trajectory([one, two]);
        const alone = await trajectory([two], (_, step) => [drawnGradients([one, two], step)[1]!]);
        expect(together.parameters[1]).toEqual(alone.parameters[0]);
        expect(together.slots.slice(make().slots.length)).toEqual(alone.slots);
      },
    },
    {
      title: 'moves nothing at a learning rate of 0',
      async run() {
        const starts = [drawn('start', [2, 3])];
        await over(starts, async (updater) => {
          for (const step of [0, 1, 2]) {
            const before = await updater.parameters();
            await updater.step(drawnGradients(starts, step), 0, step);
            expect(await updater.parameters()).toEqual(before);
            await updater.step(drawnGradients(starts, step), learningRate, step);
          }
        });
      },
    },
    {
      title: 'stays finite where the gradient is zero',
      async run() {
        const starts = [drawn('start', [2, 3])];
        const zero = hostTensor([2, 3], new Float64Array(6));
        const partly = hostTensor([2, 3], Float64Array.of(0, 1, 0, -1, 0, 0));
        for (const gradients of [
          [zero, zero, zero],
          [zero, partly, zero],
          [partly, zero, partly],
        ]) {
          await over(starts, async (updater) => {
            for (const [step, gradient] of gradients.entries()) await updater.step([gradient], learningRate, step);
            [...(await updater.parameters()), ...(await updater.slots())].forEach(expectFinite);
          });
        }
      },
    },
    {
      title: 'moves against the gradient at first, however large or small it is',
      async run() {
        for (const scale of [1e-3, 1, 1e3]) {
          const start = drawn('start', [2, 3]);
          const gradient = scaled(drawn('gradient', [2, 3]), scale);
          await over([start], async (updater) => {
            // A small step, so that weight decay does not outweigh it.
            await updater.step([gradient], 1e-3 * learningRate, 0);
            const [moved] = await updater.parameters();
            const along = [...gradient.data].reduce((sum, g, i) => sum + g * (moved!.data[i]! - start.data[i]!), 0);
            expect(along, `gradient of about ${String(scale)}`).toBeLessThan(0);
          });
        }
      },
    },
    {
      title: `finds the minimum of a quadratic in ${String(steps)} steps`,
      async run() {
        const minimum = drawn('minimum', [2, 3]);
        const curvature = Float64Array.of(0.5, 0.7, 0.9, 1.1, 1.3, 1.5);
        const start = drawn('start', [2, 3]);
        const off = ({ data }: HostTensor): number => Math.max(...minimum.data.map((m, i) => Math.abs(data[i]! - m)));
        await over([start], async (updater) => {
          for (let step = 0; step < steps; step++) {
            const [{ data }] = (await updater.parameters()) as [HostTensor];
            const gradient = hostTensor(
              [2, 3],
              curvature.map((k, i) => k * (data[i]! - minimum.data[i]!)),
            );
            await updater.step([gradient], learningRate * (1 - step / steps), step);
          }
          const [end] = await updater.parameters();
          expect(off(end!)).toBeLessThan(tolerance * off(start));
        });
      },
    },
  ];
  if (elementwise) {
    checks.push({
      title: 'moves each value by its own gradient: a matrix moves as its values do one by one',
      async run() {
        const whole = drawn('start', [2, 3]);
        const values = (tensor: HostTensor): HostTensor[] => Array.from(tensor.data, (value) => scalar(value));
        const together = await trajectory([whole]);
        const apart = await trajectory(values(whole), (_, step) => values(drawnGradients([whole], step)[0]!));
        // The same operations on the same numbers.
        expect(apart.parameters.map(({ data }) => data[0])).toEqual([...together.parameters[0]!.data]);
      },
    });
  }
  return checks;
}

/** Gradients for one step, the same for the same shapes. */
function drawnGradients(parameters: readonly HostTensor[], step: number): HostTensor[] {
  return parameters.map(({ shape }, i) => drawn(`gradient ${String(i)} ${String(step)}`, shape));
}

/** Normal numbers, the same for the same purpose. */
function drawn(purpose: string, shape: Shape): HostTensor {
  return hostTensor(shape, Float64Array.from(normals({ seed: 5, purpose }, sizeOf(shape))));
}

function scaled({ shape, data }: HostTensor, factor: number): HostTensor {
  return hostTensor(
    shape,
    Float64Array.from(data, (value) => factor * value),
  );
}

function scalar(value: number): HostTensor {
  return hostTensor([], Float64Array.of(value));
}

function expectFinite({ data }: HostTensor): void {
  expect([...data].filter((value) => !Number.isFinite(value))).toEqual([]);
}

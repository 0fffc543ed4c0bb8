import { referenceRuntime } from '@flowmap/runtime-reference';
import { full, type Tensor } from '@flowmap/tensor';
import { describe, expect, it } from 'vitest';
import type { Optimizer } from '../training/types.js';
import { failedChecks } from './check.js';
import { describeOptimizer, optimizerChecks, type OptimizerContract } from './describe-optimizer.js';

const runtime = referenceRuntime();

/** SGD with momentum: `m <- beta m + g`, `theta <- theta - rate m`. */
const sgd = (changes: Partial<Optimizer> = {}): Optimizer => ({
  name: 'sgd',
  config: { momentum: 0.9 },
  slots: ['momentum'],
  scalars: (rate) => ({ rate }),
  update({ parameter, slots }, gradient, { rate }) {
    const momentum = slots['momentum']!.mul(0.9).add(gradient);
    return { parameter: parameter.sub(momentum.mul(rate!)), slots: { momentum } };
  },
  ...changes,
});

/** Lion (Chen et al., "Symbolic discovery of optimization algorithms", 2023): moves by the sign of an average. */
const lion = (): Optimizer => ({
  name: 'lion',
  config: { beta1: 0.9, beta2: 0.99 },
  slots: ['m'],
  scalars: (rate) => ({ rate }),
  update({ parameter, slots }, gradient, { rate }) {
    const m = slots['m']!;
    const direction = m.mul(0.9).add(gradient.mul(0.1)).sign();
    return { parameter: parameter.sub(direction.mul(rate!)), slots: { m: m.mul(0.99).add(gradient.mul(0.01)) } };
  },
});

/** Moves along the gradient scaled to length 1: depends on a parameter as a whole, and has no slots. */
const normalized = (guard: number): Optimizer => ({
  name: 'normalized',
  config: {},
  slots: [],
  scalars: (rate) => ({ rate }),
  update({ parameter }, gradient, { rate }) {
    const norm = gradient.square().sum().sqrt().add(guard);
    return { parameter: parameter.sub(gradient.div(norm).mul(rate!)), slots: {} };
  },
});

describeOptimizer('sgd', sgd, { runtime, learningRate: 0.05 });
// Signs overshoot by one step of the current rate; averages over a hundred steps need more steps.
describeOptimizer('lion', lion, { runtime, learningRate: 0.03, steps: 600, tolerance: 0.05 });
describeOptimizer('a rule that is not elementwise', () => normalized(1e-12), { runtime, elementwise: false });

describe('the contract of optimizers', () => {
  const contract: OptimizerContract = { runtime, learningRate: 0.05, steps: 200 };
  /** Settings for the normalized rule, whose steps do not get shorter by themselves. */
  const enough = { learningRate: 0.1, steps: 400 };
  /** Titles of the checks that fail, shortened to their first words. */
  const failures = async (make: () => Optimizer, changes: Partial<OptimizerContract> = {}): Promise<string[]> => {
    const failed = await failedChecks(optimizerChecks(make, { ...contract, ...changes }));
    return failed.map((title) => title.split(' ').slice(0, 4).join(' '));
  };

  it('accepts a correct optimizer', async () => {
    expect(await failures(sgd)).toEqual([]);
  });

  it.each(['ema', 'params', 'gradient', 'average', 'teacher', '', 'a.b', 'a b', 'a/b', '1st', '__proto__'])(
    'refuses a slot named %j',
    async (slot) => {
      const made = (): Optimizer =>
        sgd({
          slots: [slot],
          update: ({ parameter, slots }, gradient, { rate }) => {
            const m = Object.values(slots)[0]!.mul(0.9).add(gradient);
            return { parameter: parameter.sub(m.mul(rate!)), slots: Object.fromEntries([[slot, m]]) };
          },
        });
      expect(await failures(made)).toEqual(['names its slots by']);
    },
  );

  it('refuses a slot named twice', async () => {
    expect(await failures(() => sgd({ slots: ['momentum', 'momentum'] }))).toContain('names its slots by');
  });

  it('refuses slots that an update leaves out, adds, or returns in another shape', async () => {
    const updating = (slots: (momentum: Tensor) => Record<string, Tensor>) => (): Optimizer =>
      sgd({
        update(current, gradient, scalars) {
          const updated = sgd().update(current, gradient, scalars);
          return { ...updated, slots: slots(updated.slots['momentum']!) };
        },
      });
    const shapes = 'updates parameters of every';
    expect(await failures(updating(() => ({})))).toContain(shapes);
    expect(await failures(updating((momentum) => ({ momentum, more: momentum })))).toContain(shapes);
    expect(await failures(updating((momentum) => ({ momentum: momentum.sum() })))).toContain(shapes);
  });

  it('refuses settings that are not JSON', async () => {
    expect(await failures(() => sgd({ config: { momentum: Infinity } }))).toEqual(['has a name, and']);
  });

  it('refuses scalars that are not finite, come and go, or depend on earlier calls', async () => {
    const title = 'has the same scalars';
    expect(await failures(() => sgd({ scalars: (rate, step) => ({ rate: rate * (1 + 1 / step) }) }))).toContain(title);
    const warm = (rate: number, step: number): Record<string, number> => (step > 500 ? { rate, late: 1 } : { rate });
    expect(await failures(() => sgd({ scalars: warm }))).toEqual([title]);
    const counting = (): Optimizer => {
      let calls = 0;
      return sgd({ scalars: (rate) => ({ rate: rate / ++calls }) });
    };
    expect(await failures(counting)).toContain(title);
  });

  it('refuses a number of the step that is traced instead of given', async () => {
    const counting = (): Optimizer => {
      let updates = 0;
      return sgd({
        update: (current, gradient, { rate }) =>
          sgd().update(current, gradient, { rate: rate!.mul(1 / (1 + updates++)) }),
      });
    };
    expect(await failures(counting)).toEqual(
      expect.arrayContaining(['is the same function', 'moves each parameter alone,', 'moves each value by']),
    );
  });

  it('refuses what moves at a rate of 0: decay that is not scaled by the rate', async () => {
    const decaying = (): Optimizer =>
      sgd({
        update: (current, gradient, scalars) =>
          sgd().update({ ...current, parameter: current.parameter.mul(0.9999) }, gradient, scalars),
      });
    expect(await failures(decaying)).toContain('moves nothing at a');
  });

  it('refuses 0 / 0 where the gradient is zero', async () => {
    expect(await failures(() => normalized(0), { ...enough, elementwise: false })).toEqual(['stays finite where the']);
  });

  it('refuses updates that climb or do not reach the minimum', async () => {
    const climbing = (): Optimizer => sgd({ scalars: (rate) => ({ rate: -rate }) });
    expect(await failures(climbing)).toEqual(['moves against the gradient', 'finds the minimum of']);
    const slow = (): Optimizer => sgd({ scalars: (rate) => ({ rate: rate / 1000 }) });
    expect(await failures(slow)).toEqual(['finds the minimum of']);
  });

  it('refuses updates that depend on a parameter as a whole, unless declared', async () => {
    const guarded = (): Optimizer => normalized(1e-12);
    expect(await failures(guarded, enough)).toEqual(['moves each value by']);
    const centred = (): Optimizer =>
      sgd({
        update: (current, gradient, scalars) =>
          sgd().update(current, gradient.sub(gradient.mean().mul(full(0.5))), scalars),
      });
    expect(await failures(centred)).toContain('moves each value by');
  });
});

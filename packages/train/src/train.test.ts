import { ConfigError, loader, mlp, type Callback, type Model } from '@flowmap/core';
import { checkerboard } from '@flowmap/data';
import { flowMatching } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import type { DeviceTensor, Feeds, Runtime } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { checkpoints } from './callbacks/checkpoints.js';
import { earlyStop } from './callbacks/early-stop.js';
import { logging } from './callbacks/logging.js';
import { validationLoss } from './callbacks/validation-loss.js';
import { NonFiniteError } from './errors.js';
import { objectivePhase } from './objective-phase.js';
import { memoryStore } from './run-store.js';
import { constantSchedule } from './schedules.js';
import { train } from './train.js';
import type { TrainingOptions } from './training-options.js';
import { trainee } from './trainee.js';

const data = checkerboard();
const network = mlp({ shape: [2], width: 8, depth: 1 });
const model: Model = { kind: 'velocity', network, params: network.init(0), classes: [] };
const objective = flowMatching();

function options(more: Partial<TrainingOptions> = {}, batchSize = 32): TrainingOptions {
  const { parts = 1 } = more;
  return {
    runtime: referenceRuntime(),
    trainees: { student: trainee({ model, learningRate: constantSchedule(1e-2) }) },
    phases: [objectivePhase({ network, objective, batchSize: batchSize / parts, seed: 0 })],
    batches: loader(data, { batchSize, seed: 0 }),
    iterations: 6,
    ...more,
  };
}

describe('a batch in parts', () => {
  test.each([
    ['reference', 12, () => Promise.resolve(referenceRuntime())],
    ['onnx', 5, () => onnxRuntime({ device: 'cpu', threads: 1 })],
  ] as const)('of 4 x 8 samples trains as one of 32, to rounding: %s', async (_, digits, open) => {
    const runtime = await open();
    const run = { runtime, callbacks: [logging(1)], iterations: 3 };
    const whole = await train(options(run));
    const parts = await train(options({ ...run, parts: 4 }));
    for (const [name, { data }] of Object.entries(whole.model().params)) {
      data.forEach((value, i) => expect(parts.model().params[name]!.data[i]).toBeCloseTo(value, digits));
    }
    whole.records.forEach((record, i) => {
      for (const name of ['loss', 'velocityError', 'gradientNorm']) {
        expect(parts.records[i]![name]).toBeCloseTo(record[name]!, digits);
      }
    });
  });

  test('is resumed to the bit', async () => {
    const whole = memoryStore();
    await train(options({ parts: 2, store: whole }));
    const stop = new AbortController();
    const first = memoryStore();
    const halt: Callback = { name: 'halt', every: 1, run: ({ step }) => (step === 4 ? stop.abort() : undefined) };
    await train(options({ parts: 2, store: first, signal: stop.signal, callbacks: [halt] }));
    const second = memoryStore(first);
    await train(options({ parts: 2, store: second }));
    expect(second.latest!.state).toEqual(whole.latest!.state);
  });
});

describe('callbacks', () => {
  test('run in their order, each awaited, after a checkpoint those that wait for it', async () => {
    const events: string[] = [];
    const store = memoryStore();
    const noted = (name: string, every: Callback['every']): Callback => ({
      name,
      every,
      async run({ step }) {
        events.push(`${name} begins after ${step}`);
        await new Promise((resolve) => setImmediate(resolve));
        events.push(`${name} ends`);
      },
      close: () => void events.push(`${name} closes`),
    });
    const saved: Callback = {
      name: 'saved',
      every: 'checkpoint',
      run: ({ step }) => void events.push(`saved ${store.latest!.step} of ${step}`),
    };
    const end: Callback = { name: 'end', every: 'end', run: () => void events.push(`end ${store.latest!.step}`) };
    await train(
      options({
        iterations: 5,
        store,
        callbacks: [saved, noted('a', 2), checkpoints(2), noted('b', 2), end],
      }),
    );
    const both = (step: number): string[] => [
      `a begins after ${step}`,
      'a ends',
      `b begins after ${step}`,
      'b ends',
      `saved ${step} of ${step}`,
    ];
    expect(events).toEqual([...both(2), ...both(4), ...both(5), 'end 5', 'a closes', 'b closes']);
  });

  test('that fail end the training, and close all', async () => {
    const closed: string[] = [];
    const failing: Callback = {
      name: 'failing',
      every: 3,
      run: () => Promise.reject(new Error('no more')),
      close: () => void closed.push('failing'),
    };
    const other: Callback = { name: 'other', every: 1, run: () => undefined, close: () => void closed.push('other') };
    await expect(train(options({ callbacks: [failing, other] }))).rejects.toThrow('no more');
    expect(closed).toEqual(['failing', 'other']);
  });

  test('may stop a training as if it were at its end', async () => {
    const ends: number[] = [];
    const stop: Callback = { name: 'stop', every: 1, run: (moment) => (moment.step === 3 ? moment.stop() : undefined) };
    const end: Callback = { name: 'end', every: 'end', run: ({ step }) => void ends.push(step) };
    const store = memoryStore();
    expect(await train(options({ callbacks: [stop, end], store }))).toMatchObject({ completed: true, step: 3 });
    expect(ends).toEqual([3]);
    expect(store.latest!.step).toBe(3);
  });

  test('keep models, whole, of the parameters and of an average', async () => {
    const store = memoryStore();
    const keep: Callback = {
      name: 'keep',
      every: 2,
      async run(moment) {
        await moment.keep(`ema ${moment.step}`, await moment.model({ average: 'ema' }));
        await moment.keep(`params ${moment.step}`, await moment.model());
      },
    };
    const training = await train(options({ callbacks: [keep], iterations: 4, store }));
    expect([...store.kept.keys()]).toEqual(['ema 2', 'params 2', 'ema 4', 'params 4']);
    expect(store.kept.get('ema 4')).toEqual(training.model({ average: 'ema' }));
    expect(store.kept.get('params 4')).toEqual(training.model());
    expect(store.kept.get('params 2')).not.toEqual(store.kept.get('params 4'));
  });

  test('read nothing from the device that nobody asks for', async () => {
    const reads: string[] = [];
    const watched = (runtime: Runtime): Runtime => ({
      ...runtime,
      async compile(program, given) {
        const executable = await runtime.compile(program, given);
        const run = executable.run.bind(executable);
        const watch = (name: string, tensor: DeviceTensor): DeviceTensor =>
          Object.assign(tensor, { read: ((read) => () => (reads.push(name), read()))(tensor.read.bind(tensor)) });
        return Object.assign(executable, {
          run: async (feeds: Feeds) =>
            Object.fromEntries(Object.entries(await run(feeds)).map(([name, tensor]) => [name, watch(name, tensor)])),
        });
      },
    });
    await train(options({ runtime: watched(referenceRuntime()), callbacks: [checkpoints(2)] }));
    expect(reads).toEqual([]);
    await train(options({ runtime: watched(referenceRuntime()), callbacks: [logging(3)] }));
    expect(reads).toHaveLength(3 * 3); // loss, velocityError and gradientNorm of steps 1, 3 and 6
  });
});

describe('held-out data', () => {
  const held = (every: number): Callback =>
    validationLoss({
      phase: 'flow-matching',
      batches: loader(data, { batchSize: 32, seed: 5 }),
      every,
      average: 'ema',
    });

  test('gives a loss that is the same for the same parameters, whenever it is asked', async () => {
    const frozen = { student: trainee({ model, learningRate: constantSchedule(0) }) };
    const { records } = await train(options({ trainees: frozen, callbacks: [held(1), logging(1)] }));
    const losses = records.map((record) => record['validation.loss']!);
    expect(new Set(losses).size).toBe(1);
    expect(losses[0]).toBeGreaterThan(0);
    expect(new Set(records.map(({ loss }) => loss)).size).toBe(6);
  });

  test('ends a training that no longer gains, at the same step when it is resumed', async () => {
    const frozen = { student: trainee({ model, learningRate: constantSchedule(0) }) };
    const callbacks = [held(2), earlyStop({ quantity: 'validation.loss', patience: 2, every: 2 }), logging(1)];
    const whole = await train(options({ trainees: frozen, callbacks, iterations: 20 }));
    expect(whole).toMatchObject({ completed: true, step: 6 });
    const stop = new AbortController();
    const halt: Callback = { name: 'halt', every: 1, run: ({ step }) => (step === 3 ? stop.abort() : undefined) };
    const store = memoryStore();
    const run = { trainees: frozen, iterations: 20 };
    await train(options({ ...run, callbacks: [...callbacks, halt], store, signal: stop.signal }));
    const resumed = await train(options({ ...run, callbacks, store: memoryStore(store) }));
    expect(resumed).toMatchObject({ completed: true, step: 6 });
    // A number that falls, but from the sixth step on by less than what counts.
    const falling: Callback = {
      name: 'falling',
      every: 1,
      run: (moment) => moment.add({ falling: moment.step < 6 ? -moment.step : -5 - 0.01 * moment.step }),
    };
    const rule = { quantity: 'falling', patience: 3, every: 1 };
    const gaining = await train(options({ callbacks: [falling, earlyStop(rule), logging(1)], iterations: 10 }));
    expect(gaining.step).toBe(10);
    const little = [falling, earlyStop({ ...rule, least: 0.1 }), logging(1)];
    expect((await train(options({ callbacks: little, iterations: 10 }))).step).toBe(8);
  });

  test('is asked by names that there are', async () => {
    const wrong = {
      ...held(1),
      ...validationLoss({ phase: 'other', batches: loader(data, { batchSize: 32, seed: 5 }), every: 1 }),
    };
    await expect(train(options({ callbacks: [wrong] }))).rejects.toThrow("there is no phase 'other'; there are: flow-matching"); // prettier-ignore
    const quantity = earlyStop({ quantity: 'other', patience: 1, every: 1 });
    await expect(train(options({ callbacks: [quantity] }))).rejects.toThrow("no record has 'other'; they have: ");
  });
});

test('a number that is not finite is seen when it is read, or before it is saved', async () => {
  const exploding = { student: trainee({ model, learningRate: ({ step }) => (step < 3 ? 1e-2 : Infinity) }) };
  const seen = await train(options({ trainees: exploding, callbacks: [logging(1)] })).catch((error: unknown) => error);
  expect(seen).toBeInstanceOf(NonFiniteError);
  expect(seen).toMatchObject({ quantity: 'velocityError', step: 5 });
  const store = memoryStore();
  const saved = await train(options({ trainees: exploding, store })).catch((error: unknown) => error);
  expect(saved).toMatchObject({ name: 'NonFiniteError', quantity: expect.stringMatching(/^student\./) as string });
  expect(store.latest).toBeUndefined();
});

describe('what makes no sense is refused before the first step', () => {
  const phase = options().phases[0]!;
  test.each<[string, Partial<TrainingOptions>, string]>([
    ['no steps', { iterations: 0 }, 'iterations: wanted a whole number >= 1, got 0'],
    ['half a part', { parts: 0.5 }, 'parts: wanted a whole number >= 1, got 0.5'],
    ['no phases', { phases: [] }, 'phases: wanted at least one phase, got none'],
    ['a name used twice', { phases: [phase, phase] }, "phases: the name 'flow-matching' is used twice"],
    ['a first phase that is left out', { phases: [{ ...phase, every: 2 }] }, "the first phase, 'flow-matching', runs in every step"],
    ['two groups of one name', { phases: [{ ...phase, fixed: { teacher: {} } }, { ...phase, name: 'b', fixed: { teacher: {} } }] }, "two phases have different fixed parameters 'teacher'"],
    ['several steps a run of two phases', { stepsPerRun: 2, phases: [phase, { ...phase, name: 'b' }] }, 'stepsPerRun: wanted 1, since there are phases that take turns, got 2'],
    ['several steps a run in parts', { stepsPerRun: 2, parts: 2 }, 'stepsPerRun: wanted 1, since gradients are accumulated, got 2'],
    ['a callback of no interval', { callbacks: [{ ...checkpoints(1), every: 0 }] }, "callback 'checkpoints', every: wanted a whole number >= 1, got 0"],
    ['a trainee that there is not', { trainees: {} }, "there is no trainee 'student'"],
  ])('%s', async (_, change, message) => {
    const error = await train(options(change)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toContain(message);
  }); // prettier-ignore
});

import { ConfigError, euler, flowMapSampler, loader, mlp, type Callback, type Model, type Moment } from '@flowmap/core';
import { checkerboard } from '@flowmap/data';
import { flowMatching } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, type DeviceTensor, type Feeds, type Runtime } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { checkpoints } from './callbacks/checkpoints.js';
import { earlyStop } from './callbacks/early-stop.js';
import { logging } from './callbacks/logging.js';
import { previewSamples } from './callbacks/preview-samples.js';
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
    expect(reads).toHaveLength(3 * 3); // loss, velocityError and gradientNorm in steps 1, 3 and 6
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
    // A quantity that falls, but from the sixth step on by too little to count.
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

  test('may be looked at twice, under two names, and in the parts that batches are trained on in', async () => {
    const callbacks = [held(3), { ...heldFor('params'), name: 'again' }, logging(3)];
    const whole = await train(options({ callbacks }));
    const parts = await train(options({ callbacks, parts: 4 }));
    whole.records.slice(1).forEach((record, i) => {
      for (const name of ['validation.loss', 'params.loss']) {
        expect(record[name]).toBeGreaterThan(0);
        expect(parts.records[i + 1]![name]).toBeCloseTo(record[name]!, 10);
      }
      expect(record['params.loss']).not.toBe(record['validation.loss']);
    });
    const fewer = validationLoss({
      phase: 'flow-matching',
      batches: loader(data, { batchSize: 24, seed: 5 }),
      every: 1,
    });
    await expect(train(options({ callbacks: [fewer] }))).rejects.toThrow('batch, x0: wanted [32, 2], got [24, 2]');
  });
  const heldFor = (name: string): Callback =>
    validationLoss({ name, phase: 'flow-matching', batches: loader(data, { batchSize: 32, seed: 5 }), every: 3 });

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
  const exploding = { student: trainee({ model, learningRate: ({ step }) => (step < 3 ? 1e-2 : 1e300) }) };
  const seen = await train(options({ trainees: exploding, callbacks: [logging(1)] })).catch((error: unknown) => error);
  expect(seen).toBeInstanceOf(NonFiniteError);
  expect(seen).toMatchObject({ quantity: 'velocityError', step: 5 });
  const store = memoryStore();
  const saved = await train(options({ trainees: exploding, store })).catch((error: unknown) => error);
  expect(saved).toMatchObject({ name: 'NonFiniteError', quantity: expect.stringMatching(/^student\./) as string });
  expect(store.latest).toBeUndefined();
});

test('a schedule that is not finite is named before its step, and keeps the checkpoint', async () => {
  const store = memoryStore();
  const learningRate = ({ step }: { step: number }): number => (step === 5 ? NaN : 1e-3);
  const student = trainee({ model, learningRate });
  const run = train(options({ trainees: { student }, callbacks: [checkpoints(2)], store }));
  const place = 'step 4 in memory';
  await expect(run).rejects.toMatchObject({ name: 'ScheduleError', schedule: 'learningRate', value: NaN, step: 6, checkpoint: place }); // prettier-ignore
  const averages = { slow: ({ step }: { step: number }): number => (step === 1 ? Infinity : 0.9) };
  const other = train(
    options({ trainees: { student: trainee({ model, learningRate: constantSchedule(1), averages }) } }),
  );
  await expect(other).rejects.toThrow(
    'the schedule of averages.slow: wanted a finite number at every step, got Infinity at step 2',
  );
});

test('a NaN in the batches of a training of its own is told as that, not blamed on the learning rate', async () => {
  const good = loader(data, { batchSize: 32, seed: 0 });
  const spoil = (x: Float32Array): Float32Array => x.map((value, i) => (i === 7 ? NaN : value));
  const batches = {
    batchSize: 32,
    batch: async (step: number) => {
      const batch = await good.batch(step);
      return step === 3 ? { ...batch, x: spoil(batch.x) } : batch;
    },
  };
  const error = await train(options({ batches, callbacks: [logging(1)] })).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(NonFiniteError);
  expect(error).toMatchObject({ step: 4, batch: { fault: 'flow-matching.x0, sample 3: NaN', place: undefined } });
  expect((error as Error).message).toMatch(/not finite \(flow-matching.x0, sample 3: NaN\). Mend the data first$/);
});

test('a phase takes whole numbers of samples', () => {
  const phase = (batchSize: number) => () => objectivePhase({ network, objective, batchSize, seed: 0 });
  expect(phase(32 / 3)).toThrow('objectivePhase.batchSize: wanted a whole number >= 1, got 10.66');
  expect(phase(0)).toThrow(ConfigError);
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

test.each<[string, Partial<TrainingOptions>, string]>([
  ['a validation of a phase that there is not', { callbacks: [held({ phase: 'other' })] }, "loss.phase: there is no phase 'other'; there are: flow-matching"],
  ['a validation of an average that is not kept', { callbacks: [held({ average: 'slow' })] }, "trainee 'student' has no average 'slow'; it has: ema"],
  ['previews of an average that is not kept', { callbacks: [preview({ average: 'slow' })] }, "sampler.average: 'student' has no average 'slow'; it has: ema"],
  ['previews of a trainee that there is not', { callbacks: [preview({ trainee: 'other' })] }, "sampler.trainee: 'other' is no model"],
  ['previews by a sampler of flow maps', { callbacks: [preview({ sampler: flowMapSampler() })] }, 'interval'],
  ['previews of another shape', { callbacks: [preview({ noise: hostTensor([1, 3], [0, 0, 0]) })] }, 'sample, noise: wanted [count, 2], got [1, 3]'],
  ['previews with conditions that the network does not take', { callbacks: [preview({ conditions: { label: Int32Array.of(0) } })] }, "conditions.label: network 'mlp' takes no conditions"],
  ['previews on times that make no sense', { callbacks: [preview({ times: [1] })] }, 'times: wanted at least two times in [0, 1]'],
  ['previews by a sampler that draws, without a seed', { callbacks: [preview({ sampler: { ...euler(), draws: 'normal' } })] }, 'seed: wanted a whole number'],
  ['batches that are not as large as phases take', { batches: loader(data, { batchSize: 24, seed: 0 }) }, "batches: wanted batches of 32 samples, as phase 'flow-matching' takes; got 24"],
  ['parts that do not divide the batch', { parts: 3, phases: [objectivePhase({ network, objective, batchSize: 8, seed: 0 })] }, "batches: wanted batches of 24 samples, 3 parts of the 8 that phase 'flow-matching' takes; got 32"],
  ['an average that the objective needs and nobody keeps', { phases: [objectivePhase({ network, objective: { ...objective, needs: { teacher: false, average: 'slow' } }, batchSize: 32, seed: 0 })] }, "trainee 'student' has no average 'slow'; it has: ema"],
  ['an initial value of another shape', { trainees: { student: { ...options().trainees['student']!, initial: { ...model.params, 'output.bias': hostTensor([3], [0, 0, 0]) } } } }, "trainee 'student': wanted an initial value of the parameter 'output.bias' as float32 [2], got float32 [3]"],
  ['fewer steps than there are already', { store: { ...memoryStore(), from: { step: 9, seconds: 0, state: {} }, place: 'step 9 in memory' } }, 'iterations: wanted at least 9, the steps of step 9 in memory, got 6'],
])('%s: refused before the store is begun', async (_, change, message) => {
  const begun: string[] = [];
  const store = { ...memoryStore(), ...change.store, begin: () => Promise.resolve(void begun.push('begun')) };
  await expect(train({ ...options(), ...change, store })).rejects.toThrow(message);
  expect(begun).toEqual([]);
}); // prettier-ignore

function held(more: Partial<Parameters<typeof validationLoss>[0]>): Callback {
  return validationLoss({
    phase: 'flow-matching',
    batches: loader(data, { batchSize: 32, seed: 5 }),
    every: 1,
    ...more,
  });
}

function preview(more: Partial<Parameters<typeof previewSamples>[0]>): Callback {
  const noise = hostTensor([1, 2], [0.5, -1]);
  return previewSamples({ every: 1, batchSize: 1, noise, times: [1, 0], onSamples: () => undefined, ...more });
}

describe('at its edges a training', () => {
  const aborted = (): AbortSignal => AbortSignal.abort();

  test('that is aborted before the first step saves its start, and goes on from there', async () => {
    const first = memoryStore();
    expect(await train(options({ store: first, signal: aborted() }))).toMatchObject({ completed: false, step: 0 });
    expect(first.latest!.step).toBe(0);
    const [whole, second] = [memoryStore(), memoryStore(first)];
    await train(options({ store: whole }));
    await train(options({ store: second }));
    expect(second.latest!.state).toEqual(whole.latest!.state);
  });

  test('that was at its end already has the model of then', async () => {
    const store = memoryStore();
    const before = await train(options({ store }));
    const steps: number[] = [];
    const noted: Callback = { name: 'noted', every: 1, run: ({ step }) => void steps.push(step) };
    const after = await train(options({ store: memoryStore(store), callbacks: [noted] }));
    expect(after).toMatchObject({ completed: true, step: 6 });
    expect(after.model()).toEqual(before.model());
    expect(steps).toEqual([]);
  });

  test('tells of a callback that fails to close, after all were closed', async () => {
    const closed: string[] = [];
    const failing: Callback = {
      name: 'failing',
      every: 1,
      run: () => undefined,
      close: () => {
        throw new Error('cannot close');
      },
    };
    const other: Callback = { ...failing, name: 'other', close: () => void closed.push('other') };
    const { runtime, leftOver } = counted();
    await expect(train(options({ runtime, callbacks: [failing, other] }))).rejects.toThrow('cannot close');
    expect(closed).toEqual(['other']);
    expect(leftOver()).toEqual({ executables: 0, tensors: 0 });
    const worse: Callback = { ...failing, run: () => Promise.reject(new Error('failed first')) };
    await expect(train(options({ callbacks: [worse] }))).rejects.toThrow('failed first');
  });

  test('is whole although what it ran on cannot be disposed of', async () => {
    const runtime = referenceRuntime();
    const stuck: Runtime = {
      ...runtime,
      compile: async (program, given) =>
        Object.assign(await runtime.compile(program, given), { dispose: () => Promise.reject(new Error('stuck')) }),
    };
    const training = await train(options({ runtime: stuck }));
    expect(training.model()).toEqual((await train(options())).model());
  });

  test('may share its runtime with another at the same time', async () => {
    const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });
    const alone = await train(options({ runtime }));
    const [a, b] = await Promise.all([train(options({ runtime })), train(options({ runtime }))]);
    expect(a.model()).toEqual(alone.model());
    expect(b.model()).toEqual(alone.model());
  });

  test('tells of a batch that cannot be read at its step, when those before are done', async () => {
    const batches = loader(data, { batchSize: 32, seed: 0 });
    const spoiled = {
      batchSize: 32,
      batch: (step: number) => (step < 3 ? batches.batch(step) : Promise.reject(new Error(`no batch ${step}`))),
    };
    const steps: number[] = [];
    const noted: Callback = { name: 'noted', every: 1, run: ({ step }) => void steps.push(step) };
    const store = memoryStore();
    await expect(train(options({ batches: spoiled, callbacks: [noted, checkpoints(2)], store }))).rejects.toThrow(
      'no batch 3',
    );
    expect(steps).toEqual([1, 2, 3]);
    expect(store.latest!.step).toBe(2);
    // Nobody awaits the batch after the last step that is taken.
    const stop: Callback = { name: 'stop', every: 1, run: (moment) => (moment.step === 3 ? moment.stop() : undefined) };
    expect(await train(options({ batches: spoiled, callbacks: [stop] }))).toMatchObject({ step: 3 });
  });

  test('prepares the next batch once a step has started, and does not wait for it to end', async () => {
    const events: string[] = [];
    const batches = loader(data, { batchSize: 32, seed: 0 });
    const noted = {
      batchSize: 32,
      batch(step: number) {
        events.push(`batch ${step}`);
        return batches.batch(step);
      },
    };
    const inner = referenceRuntime();
    /** Acts as if it computed beside JavaScript. */
    const runtime: Runtime = {
      ...inner,
      async compile(...args) {
        const executable = await inner.compile(...args);
        const run = async (feeds: Feeds): ReturnType<typeof executable.run> => {
          events.push('run');
          for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => void setImmediate(resolve));
          const outputs = await executable.run(feeds);
          events.push('end');
          return outputs;
        };
        return { ...executable, run };
      },
    };
    await train(options({ runtime, batches: noted, iterations: 3 }));
    // prettier-ignore
    expect(events).toEqual(['batch 0', 'run', 'batch 1', 'end', 'run', 'batch 2', 'end', 'run', 'end']);
  });

  test('has no use for a moment whose callback has settled', async () => {
    const moments: Moment[] = [];
    const keeping: Callback = { name: 'keeping', every: 1, run: (moment) => void moments.push(moment) };
    const late: Callback = {
      name: 'late',
      every: 2,
      async run() {
        await expect(moments[0]!.record()).rejects.toThrow('moment: wanted to be used until its callback has settled; step 1 is over'); // prettier-ignore
      },
    };
    await train(options({ callbacks: [keeping, late] }));
    const [, , , , , last] = moments;
    for (const call of [
      () => last!.record(),
      () => last!.model(),
      () => last!.loss('flow-matching', { x: new Float32Array(64), conditions: {} }, 0),
    ]) {
      // prettier-ignore
      await expect(call()).rejects.toThrow(ConfigError);
    }
    expect(() => last!.save()).toThrow(ConfigError);
    expect(() => last!.stop()).toThrow(ConfigError);
  });

  test('with several steps per run has the parameters of the end of the run in each of them', async () => {
    const outputs: number[] = [];
    const losses: number[] = [];
    const looking: Callback = {
      name: 'looking',
      every: 1,
      async run(moment) {
        outputs.push((await moment.model()).params['output.weight']!.data[0]!);
        losses.push((await moment.record())['loss']!);
        if (moment.step === 2) moment.save();
      },
    };
    const saves: number[] = [];
    const store = { ...memoryStore(), save: ({ step }: { step: number }) => Promise.resolve(String(saves.push(step))) };
    await train(options({ stepsPerRun: 3, callbacks: [looking], store }));
    expect(new Set(outputs.slice(0, 3)).size).toBe(1);
    expect(new Set(outputs).size).toBe(2);
    expect(new Set(losses).size).toBe(6);
    expect(saves).toEqual([3, 6]);
    const stop: Callback = { name: 'stop', every: 1, run: (moment) => (moment.step === 2 ? moment.stop() : undefined) };
    expect(await train(options({ stepsPerRun: 3, callbacks: [stop] }))).toMatchObject({ completed: true, step: 3 });
    expect(await train(options({ stepsPerRun: 100, iterations: 4 }))).toMatchObject({ completed: true, step: 4 });
  });

  test('refuses a number under a name that another callback has given one', async () => {
    const adding: Callback = { name: 'adding', every: 1, run: (moment) => moment.add({ error: 1 }) };
    await expect(train(options({ callbacks: [adding, adding] }))).rejects.toThrow("got 'error', which another callback has added"); // prettier-ignore
  });
});

describe('what a step leaves on the device is released', () => {
  const phase = options().phases[0]!;
  test.each<[string, Partial<TrainingOptions>]>([
    ['one phase', {}],
    ['two phases, one of them in every third step', { phases: [phase, { ...phase, name: 'second', every: 3 }] }],
    ['parts', { parts: 4 }],
    ['several steps per run', { stepsPerRun: 4 }],
    [
      'callbacks',
      { callbacks: [held({ average: 'ema' }), preview({ average: 'ema', every: 2 }), logging(1), checkpoints(2)] },
    ],
  ])('%s', async (_, more) => {
    const { runtime, leftOver, most } = counted();
    await train(options({ ...more, runtime, iterations: 30 }));
    expect(leftOver()).toEqual({ executables: 0, tensors: 0 });
    // Outputs of the previous and the current steps, in parts: the number does not grow with the steps.
    expect(most()).toBeLessThan(30);
  });
});

/** A runtime that counts what has not been disposed of. */
function counted(): {
  readonly runtime: Runtime;
  readonly leftOver: () => { executables: number; tensors: number };
  readonly most: () => number;
} {
  const inner = referenceRuntime();
  const [executables, tensors] = [new Set<object>(), new Set<object>()];
  let most = 0;
  const watched = <T extends { dispose(): unknown }>(set: Set<object>, value: T): T => {
    const dispose = value.dispose.bind(value);
    set.add(value);
    most = Math.max(most, tensors.size);
    return Object.assign(value, { dispose: () => (set.delete(value), dispose()) });
  };
  const runtime: Runtime = {
    ...inner,
    async compile(program, given) {
      const executable = watched(executables, await inner.compile(program, given));
      const run = executable.run.bind(executable);
      return Object.assign(executable, {
        run: async (feeds: Feeds) =>
          Object.fromEntries(
            Object.entries(await run(feeds)).map(([name, tensor]) => [name, watched(tensors, tensor)]),
          ),
      });
    },
  };
  return {
    runtime,
    leftOver: () => ({ executables: executables.size, tensors: tensors.size }),
    most: () => most,
  };
}

import {
  flowMap,
  flowMapFrom,
  interpolate,
  mlp,
  velocityField,
  type Batch,
  type Model,
  type Network,
} from '@flowmap/core';
import { ayfEmd, flowMatching } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { tfjsRuntime } from '@flowmap/runtime-tfjs';
import {
  formatProgram,
  gradients,
  hostTensor,
  program,
  type HostTensor,
  type HostTensors,
  type Program,
} from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { adamw } from './adamw.js';
import { prefixed } from './internal/names.js';
import { constantSchedule } from './schedules.js';
import { initialState, trainFeeds, type TrainFeedsOptions } from './train-feeds.js';
import { trainStep } from './train-step.js';

const batchSize = 4;
const batch: Batch = {
  x: Float32Array.of(0.1, -1, 0.7, 0.4, -0.6, 1.2, 0.3, 0.9),
  conditions: { label: Int32Array.of(0, 1, 1, 0) },
};
const optimizer = adamw();
const objective = ayfEmd();
const network = mlp({ shape: [2], classes: 2, width: 8, depth: 1 });
const teacherModel: Model = { kind: 'velocity', network, params: stirred(network, 1), classes: ['a', 'b'] };
const teacher = velocityField(teacherModel);
const student = flowMapFrom(teacherModel, 2).network;
const common = { network: student, objective, optimizer, teacher, batchSize };
const start = initialState(optimizer, stirred(student, 3), teacher);
const progress = { step: 5, iterations: 20 };
const options: TrainFeedsOptions = {
  ...{ network: student, objective, optimizer, seed: 0 },
  ...{ learningRate: constantSchedule(0.01), emaDecay: constantSchedule(0.75) },
};

/** Initial weights with something added: output layers start at zero, which would hide most of the gradient. */
function stirred(of: Network, seed: number): HostTensors {
  const stir = (value: HostTensor, k: number): HostTensor => ({
    ...value,
    data: Float64Array.from(value.data, (x, i) => x + 0.1 * Math.sin(k + 3 * i)),
  });
  return Object.fromEntries(Object.entries(of.init(seed)).map(([name, value], k) => [name, stir(value, k)]));
}

/** Runs a program once: its outputs and the state after. */
async function runOnce(
  built: Program,
  state: HostTensors,
  feeds: HostTensors,
): Promise<{ outputs: HostTensors; after: HostTensors }> {
  const executable = await referenceRuntime().compile(built);
  await executable.writeState(state);
  const outputs: Record<string, HostTensor> = {};
  for (const [name, tensor] of Object.entries(await executable.run(feeds))) outputs[name] = await tensor.read();
  const after = await executable.readState();
  await executable.dispose();
  return { outputs, after };
}

const lossAndGradient = program<string, string>(
  'loss and gradient',
  { inputs: trainFeeds(options, progress, batch), state: start },
  (inputs, state) => {
    const [x0, noise, t, s] = ['x0', 'noise', 't', 's'].map((name) => inputs[name]!);
    const conditions = prefixed('conditions', inputs);
    const params = prefixed('params', state);
    const xt = interpolate(x0!, noise!, t!);
    const { loss, metrics } = objective.loss({
      student: flowMap(student, params, { conditions }),
      ...{ x0: x0!, noise: noise!, xt, t: t!, s: s! },
      draws: {},
      velocity: (x, time) => teacher.velocity(prefixed('teacher', state), { x, t: time, conditions }),
      schedules: { warmup: inputs['schedules.warmup']! },
    });
    return { outputs: { loss, ...metrics, ...gradients(loss, params) } };
  },
);

describe('trainStep', () => {
  const feeds = trainFeeds(options, progress, batch);

  test('is the objective, its gradient, AdamW and the average of the weights, put together', async () => {
    const { outputs: apart } = await runOnce(lossAndGradient, start, feeds);
    const { outputs, after } = await runOnce(trainStep(common), start, feeds);
    for (const name of ['loss', 'tangentNorm', 'velocityError']) {
      expect(outputs[name]!.data[0]).toBeCloseTo(apart[name]!.data[0]!, 12);
    }
    let squares = 0;
    for (const name of Object.keys(student.parameters)) {
      apart[name]!.data.forEach((g, i) => {
        squares += g * g;
        // Step 6 of AdamW from moments of zero, as the paper prints it.
        const mHat = (0.1 * g) / (1 - 0.9 ** 6);
        const vHat = (0.01 * g * g) / (1 - 0.99 ** 6);
        const before = start[`params.${name}`]!.data[i]!;
        const moved = before - (0.01 * mHat) / (Math.sqrt(vHat) + 1e-8);
        expect(after[`params.${name}`]!.data[i]).toBeCloseTo(moved, 12);
        expect(after[`ema.${name}`]!.data[i]).toBeCloseTo(0.75 * before + 0.25 * moved, 12);
      });
    }
    expect(squares).toBeGreaterThan(0);
    expect(outputs['gradientNorm']!.data[0]).toBeCloseTo(Math.sqrt(squares), 12);
  });

  test('leaves the teacher as it is', async () => {
    const built = trainStep(common);
    expect(Object.keys(built.updates).filter((name) => name.startsWith('teacher.'))).toEqual([]);
    const { after } = await runOnce(built, start, feeds);
    for (const [name, { data }] of Object.entries(teacher.parameters)) {
      expect(after[`teacher.${name}`]!.data).toEqual(Float64Array.from(data));
    }
  });

  test('scales a gradient that is longer than the largest norm allowed, and no other', async () => {
    const built = trainStep({ ...common, clipGradient: true });
    const whole = await runOnce(built, start, trainFeeds({ ...options, maxGradientNorm: 1e6 }, progress, batch));
    const norm = whole.outputs['gradientNorm']!.data[0]!;
    const clipped = await runOnce(built, start, trainFeeds({ ...options, maxGradientNorm: norm / 4 }, progress, batch));
    expect(clipped.outputs['gradientNorm']!.data[0]).toBe(norm);
    const plain = await runOnce(trainStep(common), start, feeds);
    for (const name of Object.keys(student.parameters)) {
      expect(whole.after[`m.${name}`]!.data).toEqual(plain.after[`m.${name}`]!.data);
      whole.after[`m.${name}`]!.data.forEach((m, i) =>
        expect(clipped.after[`m.${name}`]!.data[i]).toBeCloseTo(m / 4, 12),
      );
    }
  });

  test('takes every schedule as a scalar input', () => {
    const { inputs } = trainStep({ ...common, clipGradient: true });
    const scalars = Object.entries(inputs).flatMap(([name, { shape }]) => (shape.length === 0 ? [name] : []));
    expect(scalars.sort()).toEqual(
      ['emaDecay', 'maxGradientNorm', 'optimizer.epsilon', 'optimizer.rate', 'schedules.warmup'].sort(),
    );
    expect(Object.keys(trainFeeds({ ...options, maxGradientNorm: 1 }, progress, batch)).sort()).toEqual(
      Object.keys(inputs).sort(),
    );
  });

  test('traces to the same program every time', () => {
    expect(formatProgram(trainStep(common))).toBe(formatProgram(trainStep(common)));
  });

  test.each([
    { name: 'reference', open: () => Promise.resolve(referenceRuntime()) },
    { name: 'tfjs wasm', open: () => tfjsRuntime({ backend: 'wasm' }) },
    { name: 'onnx', open: () => onnxRuntime({ device: 'cpu', threads: 1 }) },
  ])('takes denormal numbers out of the state, and nothing else: $name', { timeout: 60_000 }, async ({ open }) => {
    const runtime = await open();
    const stepFrom = async (state: HostTensors, built: Program): Promise<HostTensors> => {
      const executable = await runtime.compile(built);
      await executable.writeState(state);
      await executable.run(trainFeeds({ ...options, emaDecay: constantSchedule(0.5) }, progress, batch));
      const after = await executable.readState();
      await executable.dispose();
      return after;
    };
    // Classes 2 and 3 have no sample in the batch, so nothing but decay happens to their rows.
    const wider = mlp({ shape: [2], classes: 4, interval: true, width: 8, depth: 1 });
    const step = { ...common, network: wider, objective: ayfEmd({ teacher: false }) };
    const values = initialState(optimizer, stirred(wider, 3));
    const row = (name: string, at: number, value: number): HostTensors => {
      const { shape, data } = values[`${name}.class.weight`]!;
      const changed = Float32Array.from(data, (x, i) => (Math.floor(i / 8) === at ? value : x));
      return { [`${name}.class.weight`]: hostTensor(shape, changed) };
    };
    const slots = { ...row('m', 2, -1e-40), ...row('v', 2, 1e-40) };
    const state = { ...values, ...slots, ...row('params', 3, 0), ...row('ema', 3, 1e-40) };
    const rowOf = (after: HostTensors, name: string): number[] => [
      ...after[`${name}.class.weight`]!.data.slice(name === 'ema' ? 24 : 16, name === 'ema' ? 32 : 24),
    ];
    const after = await stepFrom(state, trainStep(step));
    for (const name of ['m', 'v', 'ema']) expect(rowOf(after, name).every((value) => value === 0)).toBe(true);
    // Nothing else: the bits of everything that is not small are those of the step without.
    const plain = await stepFrom(state, trainStep({ ...step, flushDenormals: false }));
    for (const [name, { data }] of Object.entries(plain)) {
      expect(after[name]!.data).toEqual(data.map((value) => (Math.abs(value) < 2 ** -126 ? 0 : value)));
    }
    // Where a runtime flushes by itself, the option is not needed; elsewhere the numbers never end.
    if (runtime.flushesDenormals) expect(rowOf(plain, 'm').every((value) => value === 0)).toBe(true);
    else expect(rowOf(plain, 'm').every((value) => value < 0)).toBe(true);
    // What is normal decays as ever.
    const normal = await stepFrom({ ...state, ...row('v', 2, 1e-30) }, trainStep(step));
    for (const value of rowOf(normal, 'v')) expect(value / 9.9e-31).toBeCloseTo(1, 5);
  });

  test('without a teacher, trains towards the velocity of the path', async () => {
    const plain = { network, objective: flowMatching(), optimizer };
    const built = trainStep({ ...plain, batchSize });
    expect(Object.keys(built.state).filter((name) => name.startsWith('teacher.'))).toEqual([]);
    // The untrained network is the zero field, so its error is z - x0.
    const given = trainFeeds({ ...options, ...plain }, progress, batch);
    const { outputs } = await runOnce(built, initialState(optimizer, network.init(0)), given);
    const { x0, noise } = given as { x0: HostTensor; noise: HostTensor };
    const squares = [...x0.data].reduce((sum, x, i) => sum + (noise.data[i]! - x) ** 2, 0);
    expect(outputs['loss']!.data[0]).toBeCloseTo(squares / batchSize, 6);
  });

  test('refuses an objective that needs a teacher without one', () => {
    const { teacher: _, ...alone } = common;
    expect(() => trainStep(alone)).toThrow("objective: ayf-emd needs a teacher's velocity, and there is no teacher");
  });
});

describe('trainFeeds', () => {
  test('depends on the seed and the step alone', () => {
    const at = (seed: number, step: number): HostTensors =>
      trainFeeds({ ...options, seed }, { step, iterations: 20 }, batch);
    expect(at(1, 2)).toEqual(at(1, 2));
    for (const name of ['noise', 't', 's']) {
      expect(at(1, 2)[name]).not.toEqual(at(1, 3)[name]);
      expect(at(1, 2)[name]).not.toEqual(at(2, 2)[name]);
    }
  });

  test('gives labels only to a network with classes', () => {
    expect(trainFeeds(options, progress, batch)['conditions.label']?.data).toBe(batch.conditions['label']);
    const unconditional = mlp({ shape: [2] });
    expect(trainFeeds({ ...options, network: unconditional }, progress, batch)['conditions.label']).toBeUndefined();
  });

  test('refuses a label that is none of the classes of the network', () => {
    for (const label of [2, -1]) {
      const wrong = { ...batch, conditions: { label: Int32Array.of(0, 1, label, 0) } };
      const message = `batch.conditions.label: wanted a whole number from 0 to 1, sample 2 has ${label}`;
      expect(() => trainFeeds(options, progress, wrong)).toThrow(message);
      expect(() => trainFeeds({ ...options, network: mlp({ shape: [2] }) }, progress, wrong)).not.toThrow();
    }
  });
});

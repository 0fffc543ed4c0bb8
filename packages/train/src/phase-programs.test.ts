import {
  flowMap,
  flowMapFrom,
  interpolate,
  mlp,
  velocityField,
  type Batch,
  ConfigError,
  type Model,
  type Network,
  type Objective,
  type Optimizer,
  type Phase,
  type Trainee,
  prefixed,
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
import { constantSchedule } from './schedules.js';
import { objectivePhase, type ObjectivePhaseOptions } from './objective-phase.js';
import { phaseFeeds } from './phase-feeds.js';
import { phasePrograms } from './phase-programs.js';
import { initialState, trainee, type TraineeOptions } from './trainee.js';

const batch: Batch = {
  x: Float32Array.of(0.1, -1, 0.7, 0.4, -0.6, 1.2, 0.3, 0.9),
  conditions: { label: Int32Array.of(0, 1, 1, 0) },
};
const network = mlp({ shape: [2], classes: 2, width: 8, depth: 1 });
const teacherModel: Model = { kind: 'velocity', network, params: stirred(network, 1), classes: ['a', 'b'] };
const field = velocityField(teacherModel);
const student = flowMapFrom(teacherModel, 2).network;
const progress = { step: 5, iterations: 20 };
const optimizer = adamw();

interface Setting extends Partial<Omit<ObjectivePhaseOptions, 'teacher'>> {
  readonly teacher?: ObjectivePhaseOptions['teacher'] | undefined;
  readonly params?: HostTensors;
  readonly split?: boolean;
  readonly flushDenormals?: boolean;
  readonly trained?: Partial<Omit<TraineeOptions, 'model'>>;
}

/** A training step, with the state before it and its inputs at a given step. */
function setting(given: Setting = {}) {
  const { network = student, params = stirred(network, 3), split = false, flushDenormals = true, trained = {} } = given;
  const { objective = ayfEmd(), batchSize = 4, seed = 0, teacher = field } = given;
  const trainees = {
    student: trainee({
      model: { kind: 'flowMap', network, params, classes: ['a', 'b'] },
      optimizer,
      learningRate: constantSchedule(0.01),
      averages: { ema: constantSchedule(0.75) },
      ...trained,
    }),
  };
  const phase = objectivePhase({
    network,
    objective,
    batchSize,
    seed,
    ...(('teacher' in given && !given.teacher) || !objective.needs.teacher ? {} : { teacher }),
  });
  return {
    phase,
    trainees,
    programs: phasePrograms(phase, trainees, { split, flushDenormals }),
    state: initialState(trainees, phase.fixed, { split }),
    feeds: (at = progress, data = batch): HostTensors => phaseFeeds(phase, trainees.student, at, data),
  };
}

/** Initial weights with something added: output layers start at zero, which would hide most of the gradient. */
function stirred(of: Network, seed: number): HostTensors {
  const stir = (value: HostTensor, k: number): HostTensor => ({
    ...value,
    data: Float64Array.from(value.data, (x, i) => x + 0.1 * Math.sin(k + 3 * i)),
  });
  return Object.fromEntries(Object.entries(of.init(seed)).map(([name, value], k) => [name, stir(value, k)]));
}

/** Runs a program once, and returns its outputs and the state afterwards. */
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

describe('the programs of a phase', () => {
  const { programs, state, feeds, phase } = setting();

  test('are the objective, its gradient, AdamW and the average of the weights, put together', async () => {
    const apart = await runOnce(
      program<string, string>(
        'loss and gradient',
        { inputs: phase.feeds(progress, batch), state },
        (inputs, states) => {
          const [x0, noise, t, s, label] = ['x0', 'noise', 't', 's', 'conditions.label'].map((name) => inputs[name]!);
          const params = prefixed('student.params', states);
          const xt = interpolate(x0!, noise!, t!);
          const { loss, metrics } = ayfEmd().loss({
            student: flowMap(student, params, { conditions: { label: label! } }),
            x0: x0!,
            noise: noise!,
            xt,
            t: t!,
            s: s!,
            draws: {},
            own: {},
            velocity: (x, time) => {
              const inputs = { x, t: time, conditions: { label: label! } };
              return field.velocity(prefixed('teacher.params', states), inputs);
            },
            schedules: { r: inputs['schedules.r']! },
          });
          return { outputs: { loss, ...metrics, ...gradients(loss, params) } };
        },
      ),
      state,
      phase.feeds(progress, batch),
    );
    const { outputs, after } = await runOnce(programs.update, state, feeds());
    for (const name of ['loss', 'tangentNorm', 'velocityError']) {
      expect(outputs[name]!.data[0]).toBeCloseTo(apart.outputs[name]!.data[0]!, 12);
    }
    let squares = 0;
    for (const name of Object.keys(student.parameters)) {
      apart.outputs[name]!.data.forEach((g, i) => {
        squares += g * g;
        // Step 6 of AdamW from zero moments, as printed in the paper.
        const mHat = (0.1 * g) / (1 - 0.9 ** 6);
        const vHat = (0.01 * g * g) / (1 - 0.99 ** 6);
        const before = state[`student.params.${name}`]!.data[i]!;
        const moved = before - (0.01 * mHat) / (Math.sqrt(vHat) + 1e-8);
        expect(after[`student.params.${name}`]!.data[i]).toBeCloseTo(moved, 12);
        expect(after[`student.ema.${name}`]!.data[i]).toBeCloseTo(0.75 * before + 0.25 * moved, 12);
      });
    }
    expect(squares).toBeGreaterThan(0);
    expect(outputs['gradientNorm']!.data[0]).toBeCloseTo(Math.sqrt(squares), 12);
  });

  test('leave the teacher as it is', async () => {
    expect(Object.keys(programs.update.updates).filter((name) => name.startsWith('teacher.'))).toEqual([]);
    const { after } = await runOnce(programs.update, state, feeds());
    for (const [name, { data }] of Object.entries(field.parameters)) {
      expect(after[`teacher.params.${name}`]!.data).toEqual(Float64Array.from(data));
    }
  });

  test('scale a gradient that is longer than the largest norm allowed, and no other', async () => {
    const clipping = (maxGradientNorm: number) => {
      const { programs, feeds } = setting({ trained: { maxGradientNorm } });
      return runOnce(programs.update, state, feeds());
    };
    const whole = await clipping(1e6);
    const norm = whole.outputs['gradientNorm']!.data[0]!;
    const clipped = await clipping(norm / 4);
    expect(clipped.outputs['gradientNorm']!.data[0]).toBe(norm);
    const plain = await runOnce(programs.update, state, feeds());
    for (const name of Object.keys(student.parameters)) {
      expect(whole.after[`student.m.${name}`]!.data).toEqual(plain.after[`student.m.${name}`]!.data);
      whole.after[`student.m.${name}`]!.data.forEach((m, i) =>
        expect(clipped.after[`student.m.${name}`]!.data[i]).toBeCloseTo(m / 4, 12),
      );
    }
  });

  test('take every schedule as a scalar input', () => {
    const { programs, feeds } = setting({ trained: { maxGradientNorm: 1 } });
    const { inputs } = programs.update;
    const scalars = Object.entries(inputs).flatMap(([name, { shape }]) => (shape.length === 0 ? [name] : []));
    expect(scalars.sort()).toEqual(
      ['decay.ema', 'maxGradientNorm', 'optimizer.epsilon', 'optimizer.rate', 'schedules.r'].sort(),
    );
    expect(Object.keys(feeds()).sort()).toEqual(Object.keys(inputs).sort());
  });

  test('are the same every time', () => {
    expect(formatProgram(setting().programs.update)).toBe(formatProgram(programs.update));
  });

  test('in two give what one gives, to rounding', async () => {
    const two = setting({ split: true });
    const runtime = referenceRuntime();
    const gradient = await runtime.compile(two.programs.gradient!);
    const update = await runtime.compile(two.programs.update, { sharing: gradient });
    for (const executable of [gradient, update]) {
      const own = Object.keys(executable.program.state).map((name) => [name, two.state[name]!] as const);
      await executable.writeState(Object.fromEntries(own));
    }
    const share = hostTensor([], Float64Array.of(1));
    const { loss } = await gradient.run({ ...two.phase.feeds(progress, batch), share });
    const scalars = Object.keys(update.program.inputs).map((name) => [name, two.feeds()[name]!] as const);
    const { gradientNorm } = await update.run(Object.fromEntries(scalars));
    const wanted = await runOnce(programs.update, state, feeds());
    expect((await loss!.read()).data[0]).toBe(wanted.outputs['loss']!.data[0]);
    expect((await gradientNorm!.read()).data[0]).toBeCloseTo(wanted.outputs['gradientNorm']!.data[0]!, 12);
    for (const [name, { data }] of Object.entries(await update.readState())) {
      if (name.startsWith('student.gradient.')) expect(data.every((value) => value === 0)).toBe(true);
      else data.forEach((value, i) => expect(value).toBeCloseTo(wanted.after[name]!.data[i]!, 12));
    }
    await gradient.dispose();
    await update.dispose();
  });

  test.each([
    { name: 'reference', open: () => Promise.resolve(referenceRuntime()) },
    { name: 'tfjs wasm', open: () => tfjsRuntime({ backend: 'wasm' }) },
    { name: 'onnx', open: () => onnxRuntime({ device: 'cpu', threads: 1 }) },
  ])('take denormal numbers out of the state, and nothing else: $name', { timeout: 60_000 }, async ({ open }) => {
    const runtime = await open();
    // Classes 2 and 3 have no samples in the batch, so their rows only decay.
    const wider = mlp({ shape: [2], classes: 4, interval: true, width: 8, depth: 1 });
    const given: Setting = {
      network: wider,
      objective: ayfEmd({ teacher: false, c: Infinity }),
      teacher: undefined,
      trained: { averages: { ema: constantSchedule(0.5) } },
    };
    const flushing = setting(given);
    const keeping = setting({ ...given, flushDenormals: false });
    const stepFrom = async (state: HostTensors, built: Program): Promise<HostTensors> => {
      const executable = await runtime.compile(built);
      await executable.writeState(state);
      await executable.run(flushing.feeds());
      const after = await executable.readState();
      await executable.dispose();
      return after;
    };
    const row = (part: string, at: number, value: number): HostTensors => {
      const name = `student.${part}.class.weight`;
      const { shape, data } = flushing.state[name]!;
      const changed = Float32Array.from(data, (x, i) => (Math.floor(i / 8) === at ? value : x));
      return { [name]: hostTensor(shape, changed) };
    };
    const slots = { ...row('m', 2, -1e-40), ...row('v', 2, 1e-40) };
    const state = { ...flushing.state, ...slots, ...row('params', 3, 0), ...row('ema', 3, 1e-40) };
    const rowOf = (after: HostTensors, part: string): number[] => [
      ...after[`student.${part}.class.weight`]!.data.slice(part === 'ema' ? 24 : 16, part === 'ema' ? 32 : 24),
    ];
    const after = await stepFrom(state, flushing.programs.update);
    for (const part of ['m', 'v', 'ema']) expect(rowOf(after, part).every((value) => value === 0)).toBe(true);
    // Nothing else changes: all values that are not tiny have the same bits as without flushing.
    const plain = await stepFrom(state, keeping.programs.update);
    for (const [name, { data }] of Object.entries(plain)) {
      expect(after[name]!.data).toEqual(data.map((value) => (Math.abs(value) < 2 ** -126 ? 0 : value)));
    }
    // A runtime that flushes denormals itself does not need the option; elsewhere the numbers stay denormal
    // for ever.
    if (runtime.flushesDenormals) expect(rowOf(plain, 'm').every((value) => value === 0)).toBe(true);
    else expect(rowOf(plain, 'm').every((value) => value < 0)).toBe(true);
    // Normal numbers decay as usual.
    const normal = await stepFrom({ ...state, ...row('v', 2, 1e-30) }, flushing.programs.update);
    for (const value of rowOf(normal, 'v')) expect(value / 9.9e-31).toBeCloseTo(1, 5);
  });

  test('without a teacher, train towards the velocity of the path', async () => {
    const plain = setting({ network, objective: flowMatching(), params: network.init(0), teacher: undefined });
    expect(Object.keys(plain.state).filter((name) => name.startsWith('teacher.'))).toEqual([]);
    // The untrained network is the zero field, so its error is z - x0.
    const given = plain.feeds();
    const { outputs } = await runOnce(plain.programs.update, plain.state, given);
    const { x0, noise } = given as { x0: HostTensor; noise: HostTensor };
    const squares = [...x0.data].reduce((sum, x, i) => sum + (noise.data[i]! - x) ** 2, 0);
    expect(outputs['loss']!.data[0]).toBeCloseTo(squares / 4, 6);
  });

  test('have no update of what is fixed, and project what is to be projected', async () => {
    const halved: Trainee = {
      parameters: {
        scale: { shape: [2], dtype: 'float32', fixed: true },
        weight: { shape: [2], dtype: 'float32', project: (value) => value.div(value.square().sum().sqrt()) },
      },
      initial: { scale: hostTensor([2], [3, 4]), weight: hostTensor([2], [1, 2]) },
      optimizer,
      learningRate: constantSchedule(0.1),
      averages: { ema: constantSchedule(0.5) },
    };
    const phase: Phase = {
      name: 'fit',
      trains: 'halved',
      reads: ['halved.ema'],
      inputs: {},
      feeds: () => ({}),
      trace: ({ groups }) => ({
        loss: groups['halved']!['weight']!.mul(groups['halved']!['scale']!).sub(1).square().sum(),
        metrics: { scale: groups['halved.ema']!['scale']!.sum() },
      }),
    };
    const { update } = phasePrograms(phase, { halved });
    expect(Object.keys(update.state).sort()).toEqual(
      ['ema', 'm', 'params', 'v']
        .map((part) => `halved.${part}.weight`)
        .concat('halved.params.scale')
        .sort(),
    );
    const { outputs, after } = await runOnce(
      update,
      initialState({ halved }),
      phaseFeeds(phase, halved, progress, batch),
    );
    expect(outputs['scale']!.data[0]).toBe(7);
    expect([...after['halved.params.scale']!.data]).toEqual([3, 4]);
    const [a, b] = after['halved.params.weight']!.data as unknown as [number, number];
    expect(Math.hypot(a, b)).toBeCloseTo(1, 12);
    expect(a).not.toBeCloseTo(1 / Math.sqrt(5), 3);
    // The average is that of projected values.
    expect(after['halved.ema.weight']!.data[0]).toBeCloseTo(0.5 * 1 + 0.5 * a, 12);
  });
});

describe('what has no name of its own is refused when a step is built', () => {
  const slots = (names: readonly string[]): Optimizer => ({ ...adamw(), slots: names });
  const building = (given: Setting) => (): unknown => setting(given);

  test.each<[string, () => unknown, string]>([
    ['a slot called as an average', building({ trained: { optimizer: slots(['m', 'ema']) } }), "trainee 'student': the name 'ema' is used twice"], // prettier-ignore
    ['an average called params', building({ trained: { averages: { params: constantSchedule(0.5) } } }), "the name 'params' is used twice"], // prettier-ignore
    ['a slot called gradient', building({ trained: { optimizer: slots(['gradient']) } }), "the name 'gradient' is used twice"], // prettier-ignore
    ['an average with a dot', building({ trained: { averages: { 'a.b': constantSchedule(0.5) } } }), "wanted a name of letters, digits, '-' and '_', got 'a.b'"], // prettier-ignore
    ['a metric called loss', building({ objective: measuring('loss') }), "phase 'flow-matching': a metric is called 'loss'"], // prettier-ignore
    ['a metric called gradientNorm', building({ objective: measuring('gradientNorm') }), "a metric is called 'gradientNorm'"], // prettier-ignore
    ['a trainee that there is not', () => phasePrograms({ ...setting().phase, trains: 'other' }, setting().trainees), "there is no trainee 'other'; there are: student"], // prettier-ignore
    ['an average that there is not', () => phasePrograms({ ...setting().phase, reads: ['student.slow'] }, setting().trainees), "trainee 'student' has no average 'slow'; it has: ema"], // prettier-ignore
    ['fixed parameters called as a trainee', () => phasePrograms({ ...setting().phase, fixed: { student: {} } }, setting().trainees), "'student' names both fixed parameters and a trainee"], // prettier-ignore
    ['an input of the step', () => phasePrograms({ ...setting().phase, inputs: { 'decay.ema': [] } }, setting().trainees), "its input 'decay.ema' has a name that the step itself uses"], // prettier-ignore
    [
      'a parameter without a value',
      building({ params: {} }),
      "wanted an initial value of the parameter 'time.0.weight' as float32 [64, 8], got none",
    ],
  ])('%s', (_, build, message) => {
    expect(build).toThrow(ConfigError);
    expect(build).toThrow(message);
  });

  function measuring(metric: string): Objective {
    const objective = flowMatching();
    return {
      ...objective,
      loss: (context) => ({ ...objective.loss(context), metrics: { [metric]: objective.loss(context).loss } }),
    };
  }
});

test('an objective that needs a teacher is refused without one', () => {
  expect(() => setting({ teacher: undefined })).toThrow(
    "objective: ayf-emd needs a teacher's velocity, and there is no teacher",
  );
  const elsewhere: Objective = {
    ...flowMatching(),
    loss: ({ x0, t, velocity }) => ({ loss: velocity(x0, t).sum(), metrics: {} }),
  };
  expect(() => setting({ objective: elsewhere, teacher: undefined })).toThrow(
    'objective: flow-matching needs a velocity elsewhere than at the noised data',
  );
});

describe('the inputs of a step', () => {
  test('depend on the seed and the step alone', () => {
    const at = (seed: number, step: number): HostTensors => setting({ seed }).feeds({ step, iterations: 20 });
    expect(at(1, 2)).toEqual(at(1, 2));
    for (const name of ['noise', 't', 's']) {
      expect(at(1, 2)[name]).not.toEqual(at(1, 3)[name]);
      expect(at(1, 2)[name]).not.toEqual(at(2, 2)[name]);
    }
  });

  test('have the conditions that the network takes, and no others', () => {
    expect(setting().feeds()['conditions.label']?.data).toEqual(batch.conditions['label']);
    const unconditional = setting({ network: mlp({ shape: [2], interval: true }), objective: ayfEmd({ teacher: false, c: Infinity }), teacher: undefined }); // prettier-ignore
    expect(Object.keys(unconditional.feeds()).filter((name) => name.startsWith('conditions'))).toEqual([]);
  });

  test('are refused with a label that is none of the classes of the network', () => {
    for (const label of [2, -1]) {
      const wrong = { ...batch, conditions: { label: Int32Array.of(0, 1, label, 0) } };
      expect(() => setting().feeds(progress, wrong)).toThrow(String(label));
    }
  });
});

import { gaussianMixture } from '@flowmap/data';
import { ayfEmd } from '@flowmap/objectives';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, normals, sizeOf, type HostTensor, type HostTensors } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { constantSchedule, objectivePhase, train, trainee } from '@flowmap/train';
import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../errors.js';
import { flowMap } from '../flow-map.js';
import { loader } from '../data/loader.js';
import { dit } from '../networks/dit.js';
import { conditioning, type ConditioningConfig } from '../networks/conditioning.js';
import { mlp } from '../networks/mlp.js';
import { defineNetwork } from '../networks/network.js';
import { networkFromConfig, registerNetwork } from '../networks/registry.js';
import { unet } from '../networks/unet.js';
import type { Network, NetworkConfig } from '../plugins.js';
import { decodeModel, encodeModel } from './checkpoint.js';
import { flowMapFrom, parametrizationOf, velocityField, type Model, type StudentOptions } from './model.js';

const count = 3;
const runtime = referenceRuntime();

/** Parameters away from their special initial values, as if trained. */
function trainedParams(network: Network, seed = 1): HostTensors {
  const params = Object.entries(network.init(seed)).map(([name, { shape, data }]) => {
    const shift = normals({ seed: seed + 1, purpose: name }, sizeOf(shape));
    return [
      name,
      hostTensor(
        shape,
        Float32Array.from(data, (value, i) => value + 0.2 * shift[i]!),
      ),
    ] as const;
  });
  return Object.fromEntries(params);
}

const networks: readonly [string, Network][] = [
  ['mlp', mlp({ shape: [2], width: 8, depth: 3 })],
  ['dit', dit({ shape: [1, 4, 4], patch: 2, width: 8, depth: 3, heads: 2 })],
  ['unet', unet({ shape: [1, 4, 4], channels: [4, 8], groupSize: 4, conditionWidth: 8, heads: 2 })],
];
const teacherOf = (network: Network): Model => ({
  kind: 'velocity',
  network,
  params: trainedParams(network),
  classes: [],
});
const points = ({ config: { shape } }: Network): HostTensor =>
  hostTensor([count, ...shape], normals({ seed: 9, purpose: 'x' }, count * sizeOf(shape)));
const t = hostTensor([count], Float64Array.of(0.9, 0.5, 0.2));
const s = hostTensor([count], Float64Array.of(0.3, 0.5, 0));

/** The teacher's velocity, or a student's average velocity. */
async function velocityOf(model: Model, target?: HostTensor): Promise<HostTensor> {
  const names = Object.keys(model.params);
  return evaluate(
    runtime,
    (x, start, end, ...values) => {
      const params = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
      if (target === undefined) return velocityField(model).velocity(params, { x, t: start });
      return flowMap(model.network, params, { parametrization: parametrizationOf(model) }).averageVelocity(
        x,
        start,
        end,
      );
    },
    [points(model.network), t, target ?? t, ...Object.values(model.params)],
  );
}

/** The student after some steps of distillation. */
async function distilled(student: Model, teacher: Model): Promise<Model> {
  const [features] = student.network.config.shape;
  const means = [Array.from({ length: features! }, () => 0.3)];
  const batches = loader(gaussianMixture({ weights: [1], means, stds: [0.5], classes: [] }), { batchSize: 4, seed: 0 });
  const training = await train({
    runtime,
    trainees: { student: trainee({ model: student, learningRate: constantSchedule(0.05) }) },
    phases: [
      objectivePhase({
        network: student.network,
        objective: ayfEmd({ warmupSteps: 1 }),
        teacher: velocityField(teacher),
        batchSize: 4,
        seed: 0,
      }),
    ],
    batches,
    iterations: 3,
  });
  return training.model();
}

const kinds: readonly [string, StudentOptions][] = [
  ['whose last block is told the target time', { intervalBlocks: 1 }],
  ['whose last two blocks are', { intervalBlocks: 2 }],
  ['exact at s = t', { exactDiagonal: true }],
  ['exact at s = t, the last block of whose gap is told it', { exactDiagonal: true, intervalBlocks: 1 }],
];

describe.each(networks)('of a %s a student', (_, network) => {
  const teacher = teacherOf(network);

  test.each(kinds)('%s starts as its teacher to the bit, for every s', async (_, options) => {
    const student = flowMapFrom(teacher, 5, options);
    const wanted = await velocityOf(teacher);
    for (const target of [t, s]) expect((await velocityOf(student, target)).data).toEqual(wanted.data);
    expect((await velocityOf(student)).data).toEqual(wanted.data);
    expect(wanted.data.some((value) => value !== 0)).toBe(true);
  });

  test.each(kinds)('%s is read from its file', async (_, options) => {
    const student = flowMapFrom(teacher, 5, options);
    const trained = { ...student, params: trainedParams(student.network, 3) };
    const read = decodeModel(encodeModel(trained), 'student');
    expect(read.network.config).toEqual(trained.network.config);
    expect(read.params).toEqual(trained.params);
    expect((await velocityOf(read, s)).data).toEqual((await velocityOf(trained, s)).data);
  });

  test('that is exact at s = t is its teacher there whatever its gap is', async () => {
    const student = flowMapFrom(teacher, 5, { exactDiagonal: true });
    const gap = Object.entries(trainedParams(student.network, 7)).filter(([name]) => name.startsWith('gap.'));
    const moved = { ...student, params: { ...student.params, ...Object.fromEntries(gap) } };
    const wanted = (await velocityOf(teacher)).data;
    expect((await velocityOf(moved, t)).data).toEqual(wanted);
    const off = (await velocityOf(moved, s)).data;
    const size = wanted.length / count;
    expect(off.slice(0, size)).not.toEqual(wanted.slice(0, size));
    expect(off.slice(size, 2 * size)).toEqual(wanted.slice(size, 2 * size)); // s = t here
  });
});

describe('after training', () => {
  const teacher = teacherOf(networks[0]![1]);

  test('a student that is exact at s = t is its teacher there, and elsewhere has learned', async () => {
    const start = flowMapFrom(teacher, 5, { exactDiagonal: true });
    const student = await distilled(start, teacher);
    const wanted = (await velocityOf(teacher)).data;
    expect((await velocityOf(student, t)).data).toEqual(wanted);
    expect((await velocityOf(student, s)).data).not.toEqual((await velocityOf(start, s)).data);
    for (const name of Object.keys(teacher.params)) {
      expect(student.params[`velocity.${name}`]!.data).toEqual(teacher.params[name]!.data);
    }
    expect(student.params['gap.output.weight']!.data.some((value) => value !== 0)).toBe(true);
  });

  test('the velocity of another student has moved', async () => {
    const student = await distilled(flowMapFrom(teacher, 5), teacher);
    expect((await velocityOf(student, t)).data).not.toEqual((await velocityOf(teacher)).data);
  });
});

test('the blocks before the last ones are the same for every s', async () => {
  const student = flowMapFrom(teacherOf(networks[0]![1]), 5, { intervalBlocks: 1 });
  const params = trainedParams(student.network, 3);
  // Without what the last block adds, nothing depends on s.
  const cut = Object.fromEntries(
    Object.entries(params).map(([name, { shape, data }]) => [
      name,
      hostTensor(shape, name.startsWith('block2.outer') ? new Float32Array(data.length) : data),
    ]),
  );
  expect((await velocityOf({ ...student, params: cut }, s)).data).toEqual(
    (await velocityOf({ ...student, params: cut }, t)).data,
  );
  expect((await velocityOf({ ...student, params }, s)).data).not.toEqual(
    (await velocityOf({ ...student, params }, t)).data,
  );
});

test('a student that is exact at s = t has the conditions, the path and the parametrisation of its teacher', async () => {
  const network = mlp({ shape: [2], width: 8, depth: 1, classes: 2 });
  const teacher: Model = {
    kind: 'velocity',
    network,
    params: trainedParams(network),
    classes: ['cat', 'dog'],
    path: 'trigonometric',
    parametrization: 'trigonometric',
  };
  const options = { exactDiagonal: true, conditions: { guidance: [] } };
  const student = flowMapFrom(teacher, 5, options);
  expect(Object.keys(student.network.conditions)).toEqual(['label', 'guidance']);
  expect(student).toMatchObject({ classes: teacher.classes, path: 'trigonometric', parametrization: 'trigonometric' });
  expect(decodeModel(encodeModel(student), 'student').network.config).toEqual(student.network.config);
  const { network: plain, params } = teacherOf(networks[0]![1]);
  const turned: Model = { ...teacher, network: plain, params, classes: [] };
  const wanted = (await velocityOf(turned)).data;
  expect((await velocityOf(flowMapFrom(turned, 5, { exactDiagonal: true }), t)).data).toEqual(wanted);
});

describe('a student is refused', () => {
  const teacher = teacherOf(networks[0]![1]);

  test('of more blocks that are told the target time than there are', () => {
    expect(() => flowMapFrom(teacher, 5, { intervalBlocks: 4 })).toThrow('mlp.intervalBlocks: wanted at most 3, got 4');
  });

  test('of a type that tells all of its blocks', () => {
    const own = (config: ConditioningConfig): Network => {
      const condition = conditioning(config, 4);
      return defineNetwork(config, condition.parameters, (_, { x }) => x, { conditions: condition.conditions });
    };
    registerNetwork('tells-all', own);
    registerNetwork('tells-none', ({ type, shape, interval }) =>
      defineNetwork({ type, shape, interval }, {}, (_, { x }) => x),
    );
    for (const type of ['tells-all', 'tells-none']) {
      const network = networkFromConfig({ type, shape: [2], interval: false });
      const model: Model = { kind: 'velocity', network, params: network.init(0), classes: [] };
      expect(() => flowMapFrom(model, 5, { intervalBlocks: 1 })).toThrow(
        `a network '${type}' gives the target time to all of its blocks`,
      );
    }
    const exact = flowMapFrom(teacher, 5, { exactDiagonal: true });
    expect(() => flowMapFrom(exact, 5, { intervalBlocks: 1 })).toThrow(
      expect.objectContaining({ name: 'ConfigError' }),
    );
  });

  test('of a type that takes no target time', () => {
    registerNetwork('timeless', ({ type, shape }) =>
      defineNetwork({ type, shape, interval: false }, {}, (_, { x }) => x),
    );
    const network = networkFromConfig({ type: 'timeless', shape: [2], interval: false });
    const model: Model = { kind: 'velocity', network, params: {}, classes: [] };
    expect(() => flowMapFrom(model, 5, { exactDiagonal: true })).toThrow(
      'exact-diagonal.gap: wanted a network with an interval input, this one has none',
    );
  });

  const part = mlp({ shape: [2], width: 4, depth: 1 }).config;
  const gap = mlp({ shape: [2], width: 4, depth: 1, interval: true }).config;
  test.each<[string, Record<string, unknown>, string]>([
    ['of nothing', {}, 'exact-diagonal.velocity: wanted the configuration of a network, got nothing'],
    [
      'of a gap of other samples',
      { velocity: part, gap: { ...gap, shape: [3] } },
      'wanted a network of samples [2], got one of [3]',
    ],
    ['of a gap without target time', { velocity: part, gap: part }, 'wanted a network with an interval input'],
    [
      'of a gap without label',
      { velocity: { ...part, classes: 2 }, gap },
      "wanted the velocity's condition 'label' as int32 [], got it not at all",
    ],
  ])('as a file %s', (_, parts, message) => {
    const config = { type: 'exact-diagonal', shape: [2], interval: true, ...parts } as NetworkConfig;
    expect(() => networkFromConfig(config)).toThrow(message);
    const student = flowMapFrom(teacher, 5, { exactDiagonal: true });
    const bytes = encodeModel({ ...student, network: { ...student.network, config } });
    expect(() => decodeModel(bytes, 'hostile')).toThrow(CheckpointError);
  });
});

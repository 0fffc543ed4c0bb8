import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostTensor, input, type HostTensor, type Tensor, type Tensors } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { describe, expect, test } from 'vitest';
import { CheckpointError, ConfigError } from '../errors.js';
import { dit } from '../networks/dit.js';
import { mlp } from '../networks/mlp.js';
import { defineNetwork } from '../networks/network.js';
import { registerNetwork } from '../networks/registry.js';
import { eulerParametrization, type ParametrizationName } from '../parametrization.js';
import { linearPath, type PathName } from '../path.js';
import type { Network } from '../plugins.js';
import { unet } from '../networks/unet.js';
import { decodeSafetensors } from '../safetensors/decode.js';
import { encodeSafetensors } from '../safetensors/encode.js';
import { decodeModel, encodeModel } from './checkpoint.js';
import { flowMapFrom, parametrizationOf, pathOf, velocityField, type Model } from './model.js';

const network = mlp({ shape: [2], classes: 2, width: 4, depth: 1 });
const teacher: Model = {
  kind: 'velocity',
  network,
  params: network.init(1),
  classes: ['cat', 'dog'],
  training: { iterations: 10, rate: 1e-3, data: 'photos', notes: [null, true] },
};

/** The teacher's file with a changed description or changed tensors. */
function altered(
  description: Record<string, unknown>,
  tensors: Record<string, HostTensor | undefined> = {},
): Uint8Array {
  const file = decodeSafetensors(encodeModel(teacher), 'teacher');
  const text = JSON.stringify({ ...(JSON.parse(file.metadata['flowmap']!) as object), ...description });
  const kept = Object.entries({ ...file.tensors, ...tensors }).filter(
    (entry): entry is [string, HostTensor] => entry[1] !== undefined,
  );
  return encodeSafetensors(Object.fromEntries(kept), { flowmap: text });
}

describe('a checkpoint', () => {
  test('gives back the model from its bytes alone', () => {
    for (const model of [teacher, flowMapFrom(teacher, 3)]) {
      const { network: rebuilt, ...rest } = decodeModel(encodeModel(model), 'file');
      const { network: original, ...wanted } = model;
      expect(rest).toEqual(wanted);
      expect(rebuilt.config).toEqual(original.config);
      expect(rebuilt.parameters).toEqual(original.parameters);
    }
  });

  test('with a parameter that is NaN throughout is refused, naming it', () => {
    const [[name, tensor]] = Object.entries(teacher.params) as [[string, HostTensor]];
    const spoiled = altered({}, { [name]: { ...tensor, data: tensor.data.map(() => NaN) } });
    expect(() => decodeModel(spoiled, 'file')).toThrow(`file: the parameter "${name}" is NaN throughout`);
  });

  test('keeps a path and a parametrization, and omits the defaults', () => {
    const model: Model = { ...teacher, path: 'trigonometric', parametrization: 'trigonometric' };
    expect(decodeModel(encodeModel(model), 'file')).toMatchObject({
      path: 'trigonometric',
      parametrization: 'trigonometric',
    });
    const plain = encodeModel({ ...teacher, path: 'linear', parametrization: 'euler' });
    expect(Buffer.from(plain).equals(encodeModel(teacher))).toBe(true);
    const read = decodeModel(plain, 'file');
    expect([pathOf(read), parametrizationOf(read)]).toEqual([linearPath, eulerParametrization]);
    for (const [option, wrong] of [
      ['path', { path: 'vp' as PathName }],
      ['parametrization', { parametrization: 'x0' as ParametrizationName }],
    ] as const) {
      expect(() => encodeModel({ ...teacher, ...wrong })).toThrow(`${option}: wanted one of`);
      const of = option === 'path' ? pathOf : parametrizationOf;
      expect(() => of(wrong)).toThrow(expect.objectContaining({ name: 'ConfigError', option }));
    }
  });

  test('keeps parameters held as doubles to the last bit', () => {
    const params = Object.fromEntries(
      Object.entries(teacher.params).map(([key, { shape, data }]) => [
        key,
        hostTensor(
          shape,
          Float64Array.from(data, (v) => v + 1e-12),
        ),
      ]),
    );
    expect(decodeModel(encodeModel({ ...teacher, params }), 'doubles').params).toEqual(params);
  });

  test('with parameters in two bytes is read as float32', () => {
    const halves = Object.entries(teacher.params).map(([key, { shape, data }], i) => {
      const half = hostTensor(shape, data, i % 2 === 0 ? 'float16' : 'bfloat16');
      return [key, half] as const;
    });
    const { params } = decodeModel(altered({}, Object.fromEntries(halves)), 'halves');
    for (const [key, { shape, data }] of halves) expect(params[key]).toEqual(hostTensor(shape, data));
  });

  test('of a network with added conditions and dropout gives them back', () => {
    const conditions = { guidance: [], text: [2, 3] };
    const networks = [
      mlp({ shape: [2], classes: 2, width: 4, depth: 1, conditions, dropout: 0.25 }),
      dit({ shape: [1, 4, 4], patch: 2, width: 4, depth: 1, heads: 1, classes: 2, conditions }),
      unet({ shape: [1, 4, 4], channels: [4], groupSize: 4, classes: 2, conditions, dropout: 0.5 }),
    ];
    for (const network of networks) {
      const model: Model = { kind: 'velocity', network, params: network.init(3), classes: ['cat', 'dog'] };
      const read = decodeModel(encodeModel(model), 'file');
      expect(read.network.config).toEqual(network.config);
      expect([read.network.conditions, read.network.draws]).toEqual([network.conditions, network.draws]);
      expect(read.params).toEqual(model.params);
      expect(Object.keys(read.network.conditions)).toEqual(['label', 'guidance', 'text']);
    }
  });

  describe('from before networks had added conditions', () => {
    // Written by commit 435768c, whose networks took one label: an mlp of 3 classes with an interval input.
    const file = join(import.meta.dirname, '__fixtures__/flow-map-before-conditions.safetensors');

    test('gives the same numbers, and is written as it was, with checksums', async () => {
      const bytes = readFileSync(file);
      const model = decodeModel(bytes, file);
      expect(model).toMatchObject({ kind: 'flowMap', classes: ['ant', 'bee', 'cat'], training: { iterations: 5 } });
      const { tensors, metadata } = decodeSafetensors(encodeModel(model), 'again');
      expect(Buffer.from(encodeSafetensors(tensors, metadata)).equals(bytes)).toBe(true);
      const names = Object.keys(model.params);
      const inputs = [
        hostTensor([3, 2], [0.5, -1.25, 2, 0.125, -0.75, 1]),
        hostTensor([3], [1, 0.75, 0.5]),
        hostTensor([3], [0, 0.5, 0.5]),
        hostTensor([3], [0, 2, 1], 'int32'),
      ];
      const { data } = await evaluate(
        referenceRuntime(),
        (...args) => {
          const [x, t, s, label] = args.slice(names.length) as [Tensor, Tensor, Tensor, Tensor];
          const params = Object.fromEntries(names.map((name, i) => [name, args[i]!]));
          return model.network.apply(params, { x, t, s, conditions: { label } });
        },
        [...Object.values(model.params), ...inputs],
      );
      const recorded = [
        0.48675244956029695, -0.2427092925850433, 0.4102392634999528, -0.7380863455793709, -0.6783698725836861,
        -0.4363716094054914,
      ];
      // Sines and exponentials may differ in the last bit from one version of Node to the next.
      recorded.forEach((value, i) => expect(data[i]).toBeCloseTo(value, 14));
    });

    test('of the emoji example, is written as it was', () => {
      const teacher = join(import.meta.dirname, '../../../../examples/emoji/teacher.safetensors');
      const bytes = readFileSync(teacher);
      const model = decodeModel(bytes, teacher);
      const { metadata } = decodeSafetensors(bytes, teacher);
      expect(decodeSafetensors(encodeModel(model), 'again').metadata).toEqual(metadata);
      expect(model.network.conditions).toEqual({ label: { shape: [], dtype: 'int32', categories: 9 } });
    });
  });

  const wide = mlp({ shape: [2], classes: 2, width: 8, depth: 1 });
  test.each<[string, Uint8Array, RegExp]>([
    ['of tensors alone', encodeSafetensors(teacher.params), /holds tensors but no Flowmap model/],
    ['of a description that is not JSON', encodeSafetensors({}, { flowmap: '{' }), /'flowmap' is not JSON/],
    ['of a later version', altered({ version: 2 }), /version 2 of the model's description; this is version 1/],
    ['of an unknown kind', altered({ kind: 'gan' }), /unknown kind of model "gan"/],
    ['of an unknown path', altered({ path: 'vp' }), /unknown path "vp"/],
    ['of a path that every object has', altered({ path: 'toString' }), /unknown path "toString"/],
    ['of a path that is no text', altered({ path: ['linear'] }), /unknown path \["linear"\]/],
    ['of an unknown parametrization', altered({ parametrization: 'x0' }), /unknown parametrization "x0"/],
    ['of class names that are numbers', altered({ classes: [1, 2] }), /class names are not a list of texts/],
    ['of too few class names', altered({ classes: ['cat'] }), /1 class names for a network with 2 classes/],
    ['of training facts that are a list', altered({ training: [] }), /facts about training/],
    ['of no network', altered({ network: null }), /configuration is not a JSON object/],
    ['of an unknown network', altered({ network: { ...network.config, type: 'vit' } }), /unknown network "vit"/],
    ['of a network without a shape', altered({ network: { type: 'unet' } }), /cannot be rebuilt \(unet.shape/],
    [
      'of a channel count for a list',
      altered({ network: { type: 'unet', shape: [3, 8, 8], channels: 8 } }),
      /unet.channels/,
    ],
    ['of sizes that are text', altered({ network: { ...network.config, width: '4' } }), /mlp.width/],
    ['of a flow map without interval input', altered({ kind: 'flowMap' }), /needs a network with an interval input/],
    [
      'of another architecture',
      altered({ network: wide.config }),
      /network 'mlp' has the parameter 'time.0.weight' as float32 \[64, 8\], got float32 \[64, 4\]/,
    ],
    [
      'with a missing parameter',
      altered({}, { 'input.bias': undefined }),
      /'input.bias' as float32 \[4\], which is missing/,
    ],
    [
      'with a parameter too many',
      altered({}, { extra: hostTensor([1], [1]) }),
      /"extra" is no parameter of this network 'mlp'/,
    ],
    [
      'with a parameter of whole numbers',
      altered({}, { 'input.bias': hostTensor([4], new Int32Array(4)) }),
      /'input.bias' .* got int32 \[4\]/,
    ],
  ])('%s is refused, naming the file', (_, bytes, message) => {
    const decode = (): unknown => decodeModel(bytes, 'teacher.safetensors');
    expect(decode).toThrow(CheckpointError);
    expect(decode).toThrow(message);
    expect(decode).toThrow(/^teacher.safetensors: /);
  });

  test('with a byte of its header changed is read or refused, never another error', () => {
    const whole = encodeModel(teacher);
    const header = 8 + Number(new DataView(whole.buffer).getBigUint64(0, true));
    for (let i = 0; i < header; i++) {
      const bytes = whole.slice();
      bytes[i]! ^= 1 << (i % 8);
      try {
        decodeModel(bytes, 'fuzz');
      } catch (error) {
        expect(error).toBeInstanceOf(CheckpointError);
      }
    }
  });

  const images = { type: 'dit', shape: [3, 8, 8], classes: 0, interval: false, patch: 4, width: 4, depth: 1, heads: 1 };
  test.each<[string, object, RegExp, string | undefined]>([
    ['1,025 blocks', { type: 'mlp', shape: [2], depth: 1025 }, /1025 blocks, the limit maxBlocks is 1024/, 'maxBlocks'],
    [
      'more blocks than tensors',
      { type: 'mlp', shape: [2], depth: 1024 },
      /1024 blocks, the file holds \d+ t/,
      undefined,
    ],
    [
      'blocks times resolutions',
      { type: 'unet', shape: [1, 8, 8], channels: [16, 16, 16], blocks: 1024 },
      /6144 blocks/,
      'maxBlocks',
    ],
    [
      '2^28 tokens',
      { ...images, shape: [1, 2 ** 16, 2 ** 16] },
      /a layer of 72057594037927940 values/,
      'maxActivation',
    ],
    // Its layers have 2^20 values, and each head has 2^32 scores.
    [
      '2^16 tokens that attend to each other',
      { ...images, shape: [1, 2 ** 10, 2 ** 10] },
      /a layer of 4294967296 values/,
      'maxActivation',
    ],
    [
      'as many pixels at the lowest resolution',
      { type: 'unet', shape: [1, 2 ** 9, 2 ** 9], channels: [1, 1], groupSize: 1, heads: 1 },
      /a layer of 4294967296 values/,
      'maxActivation',
    ],
    [
      'a lower resolution of many channels',
      { type: 'unet', shape: [1, 2 ** 9, 2 ** 9], channels: [1, 2 ** 11], groupSize: 1, heads: 0 },
      /a layer of 134217728 values/,
      'maxActivation',
    ],
    [
      'a network within one that is not known',
      { type: 'x', shape: [2], inner: { type: 'mlp', shape: [2], depth: 1024 } },
      /1024 blocks, the file holds \d+ t/,
      undefined,
    ],
    [
      "a network type of one's own with a huge sample",
      { type: 'x', shape: [2 ** 14, 2 ** 14] },
      /layer/,
      'maxActivation',
    ],
    [
      'conditions without end',
      {
        type: 'mlp',
        shape: [2],
        conditions: Object.fromEntries(Array.from({ length: 1022 }, (_, i) => [`c${i}`, []])),
      },
      /1025 blocks/,
      'maxBlocks',
    ],
    [
      'a text without end',
      { ...network.config, conditions: { text: [2 ** 16, 2 ** 16] } },
      /a layer of 4294967296 values/,
      'maxActivation',
    ],
    [
      'conditions that are a list',
      { ...network.config, conditions: [[2]] },
      /mlp.conditions: wanted shapes/,
      undefined,
    ],
    ['no size at all', { type: 'dit', shape: ['8'], patch: {}, depth: null }, /cannot be rebuilt/, undefined],
    ['deep JSON', JSON.parse('['.repeat(70) + ']'.repeat(70)) as object, /nested more than 64 deep/, 'maxNesting'],
    [
      'a type that drives the terminal',
      { type: '\u001b[2J\u202e\n' },
      /unknown network "\\u001b\[2J\\u\{202e\}\\n"/,
      undefined,
    ],
    ['a shape of a thousand texts', { type: 'mlp', shape: Array(1000).fill('x') }, /got \["x",.{1,80}…/, undefined],
  ])('of a network of %s is refused before it is built', (_, config, message, limit) => {
    const bytes = altered({ network: config });
    const decode = (): unknown => decodeModel(bytes, 'hostile');
    expect(decode).toThrow(CheckpointError);
    expect(decode).toThrow(message);
    expect(decode).toThrow(expect.objectContaining({ limit }));
  });

  test('over a limit is read when the limit is raised', () => {
    const deep = mlp({ shape: [2], width: 1, depth: 3 });
    const bytes = encodeModel({ kind: 'velocity', network: deep, params: deep.init(0), classes: [] });
    expect(() => decodeModel(bytes, 'deep', { maxBlocks: 2 })).toThrow(/3 blocks, the limit maxBlocks is 2/);
    expect(decodeModel(bytes, 'deep', { maxBlocks: 3, maxActivation: 2 }).network.config).toEqual(deep.config);
    expect(() => decodeModel(bytes, 'deep', { maxBlocks: 0 })).toThrow(
      expect.objectContaining({ name: 'ConfigError', option: 'maxBlocks' }),
    );
  });

  test("is not made of parameters that are not the network's", () => {
    expect(() => encodeModel({ ...teacher, params: {} })).toThrow(/model: network 'mlp' has the parameter .* missing/);
    expect(() => encodeModel({ ...teacher, classes: [] })).toThrow(ConfigError);
    expect(() => encodeModel({ ...teacher, kind: 'flowMap' })).toThrow(ConfigError);
  });
});

describe('roles of a model', () => {
  const inputs = [
    hostTensor([2, 2], [0.1, -0.4, 1.2, 0.3]),
    hostTensor([2], [0.9, 0.2]),
    hostTensor([2], [0, 1], 'int32'),
  ];
  const velocityOf = (model: Model): Promise<HostTensor> => {
    const field = velocityField(model);
    const names = Object.keys(field.parameters);
    return evaluate(
      referenceRuntime(),
      (...args) => {
        const params = Object.fromEntries(names.map((name, i) => [name, args[i]!]));
        const [x, t, label] = args.slice(names.length) as [(typeof args)[0], (typeof args)[0], (typeof args)[0]];
        return field.velocity(params, { x, t, conditions: { label } });
      },
      [...Object.values(field.parameters), ...inputs],
    );
  };

  test('a student starts as its teacher, which may be a flow map or unconditional', async () => {
    const shifted = { ...teacher, params: { ...teacher.params, 'output.bias': hostTensor([2], [0.5, -1]) } };
    const student = flowMapFrom(shifted, 2);
    expect(student).toMatchObject({ kind: 'flowMap', classes: teacher.classes });
    expect(student.training).toBeUndefined();
    expect(await velocityOf(student)).toEqual(await velocityOf(shifted));
    expect(flowMapFrom(student, 9).params).toEqual(student.params);
    const plain = unet({ shape: [1, 4, 4], channels: [4], groupSize: 4 });
    const field = velocityField({ kind: 'velocity', network: plain, params: plain.init(0), classes: [] });
    expect(field.parameters).toEqual(plain.init(0));
  });

  test('a student has the path and the parametrization of its teacher, and starts as its teacher', async () => {
    const turned: Model = {
      ...teacher,
      params: { ...teacher.params, 'output.bias': hostTensor([2], [0.5, -1]) },
      path: 'trigonometric',
      parametrization: 'trigonometric',
    };
    const student = flowMapFrom(turned, 2);
    expect(student).toMatchObject({ path: 'trigonometric', parametrization: 'trigonometric' });
    expect(await velocityOf(student)).toEqual(await velocityOf(turned));
    const { parametrization, ...euler } = turned;
    expect(parametrization).toBe('trigonometric');
    const outputs = await velocityOf(euler);
    (await velocityOf(turned)).data.forEach((v, i) => expect(v).toBeCloseTo((Math.PI / 2) * outputs.data[i]!, 13));
  });

  test('a teacher picks its own conditions from those of its student', () => {
    const student = flowMapFrom(teacher, 2, { conditions: { guidance: [] } });
    expect(student.network.config).toEqual({ ...network.config, interval: true, conditions: { guidance: [] } });
    const again = flowMapFrom(student, 2, { conditions: { text: [2, 3] } }).network.conditions;
    expect(Object.keys(again)).toEqual(['label', 'guidance', 'text']);
    const [x, t, label] = [input('x', [2, 2]), input('t', [2]), input('label', [2], 'int32')];
    const params = Object.fromEntries(
      Object.entries(network.parameters).map(([name, { shape }]) => [name, input(name, shape)]),
    );
    const traced = (conditions: Tensors) => velocityField(teacher).velocity(params, { x, t, conditions });
    expect(traced({ label, guidance: t }).shape).toEqual([2, 2]);
    expect(() => traced({ guidance: t })).toThrow(/conditions.label: network 'mlp' takes the conditions 'label'/);
    expect(() => flowMapFrom(student, 2, { conditions: { guidance: [3] } })).toThrow(
      "the teacher's parameter 'condition.guidance.0.weight' is [64, 4]; the student's network has it as [3, 4]",
    );
  });

  test('a student draws only what its teacher lacks, with the same bits as if all were drawn', () => {
    const calls: (readonly string[] | undefined)[] = [];
    const watched = (interval: boolean): Network => {
      const inner = mlp({ shape: [2], classes: 2, width: 4, depth: 1, interval });
      const config = { ...inner.config, type: 'watched' };
      const init: Network['init'] = (seed, only) => {
        calls.push(only);
        return inner.init(seed, only);
      };
      return { ...inner, config, init };
    };
    registerNetwork('watched', ({ interval }) => watched(interval));
    const [own, full] = [watched(false), watched(true)];
    const student = flowMapFrom({ ...teacher, network: own }, 7);
    const added = Object.keys(full.parameters).filter((name) => name.startsWith('interval.'));
    expect(calls).toEqual([added]);
    expect(student.params).toEqual({ ...full.init(7), ...teacher.params });
    expect(Object.keys(full.init(7, added))).toEqual(added);
    flowMapFrom(student, 8);
    expect(calls.at(-1)).toEqual([]);
  });

  test('a teacher whose network changes when the interval input is added is refused', () => {
    const make = (interval: boolean) =>
      defineNetwork(
        { type: 'fickle', shape: [1], interval },
        { w: { shape: [interval ? 2 : 1], std: 1 } },
        (_, { x }) => x,
      );
    registerNetwork('fickle', ({ interval }) => make(interval));
    const fickle: Model = { kind: 'velocity', network: make(false), params: make(false).init(0), classes: [] };
    expect(() => flowMapFrom(fickle, 0)).toThrow(/parameter 'w' is \[1\]; the student's network has it as \[2\]/);
  });
});

import {
  ConfigError,
  decodeModel,
  encodeModel,
  flowMapFrom,
  mlp,
  velocityField,
  type Model,
  type VelocityField,
} from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { gradients, hostTensor, normals, sizeOf, type HostTensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { exportNetwork } from '../export/export-network.js';
import { file, floats, node, value, whole } from './__fixtures__/graphs.js';
import { importOnnx } from './import-onnx.js';
import { importedModel, importedVelocity, type ImportedVelocityOptions } from './imported-model.js';

const runtime = referenceRuntime();
const network = mlp({ shape: [2], classes: 2, width: 8, depth: 1 });
const params = Object.fromEntries(
  Object.entries(network.init(3)).map(([name, { shape }], sample) => {
    const numbers = normals({ seed: 4, purpose: 'weights', sample }, sizeOf(shape));
    return [
      name,
      hostTensor(
        shape,
        Float32Array.from(numbers, (number) => number / 3),
      ),
    ] as const;
  }),
);
const own: Model = { kind: 'velocity', network, params, classes: ['a', 'b'] };
const [x, t] = [hostTensor([2, 2], [0.5, -1, 2, 0.25]), hostTensor([2], [0.25, 0.75])];
const label = hostTensor([2], Int32Array.of(1, 0));
const mapping = { x: 'sample', t: 'timestep', conditions: { label: 'class_labels' }, timeScale: 1000 };
const imported = importedModel(importOnnx(exportNetwork(own).model), { ...mapping, classes: ['a', 'b'] });

async function velocityAt(field: VelocityField, points = x, times = t): Promise<number[]> {
  const { parameters } = field;
  const names = Object.keys(parameters);
  const given = [points, times, label, ...Object.values(parameters)];
  const apply = (...[x, t, label, ...values]: Parameters<VelocityField['velocity']>[1]['x'][]): typeof x =>
    field.velocity(Object.fromEntries(names.map((name, i) => [name, values[i]!])), {
      x: x!,
      t: t!,
      conditions: { label: label! },
    });
  return Array.from((await evaluate(runtime, apply as never, given)).data);
}

const near = (a: readonly number[], b: readonly number[]): void => {
  expect(a.length).toBe(b.length);
  a.forEach((one, i) => expect(one).toBeCloseTo(b[i]!, 5));
};

describe('an imported model', () => {
  it('is the velocity that the file computes', async () => {
    expect(imported).toMatchObject({ kind: 'velocity', classes: ['a', 'b'] });
    expect(imported.network.config).toMatchObject({ type: 'onnx', shape: [2], interval: false });
    near(await velocityAt(velocityField(imported)), await velocityAt(velocityField(own)));
  });

  it('is saved with its graph, and loaded again', async () => {
    const bytes = encodeModel(imported);
    const loaded = decodeModel(bytes);
    expect(loaded.params).toEqual(imported.params);
    expect(await velocityAt(velocityField(loaded))).toEqual(await velocityAt(velocityField(imported)));
    // The weights are stored only once.
    const weights = Object.values(imported.params).reduce((sum, { data }) => sum + data.byteLength, 0);
    expect(bytes.length).toBeLessThan(weights + 30_000);
  });

  it('is exported again', async () => {
    const again = importOnnx(exportNetwork(imported).model);
    near(await velocityAt(importedVelocity(again, mapping)), await velocityAt(velocityField(own)));
  });

  it('is drawn anew with numbers of the same size', () => {
    const drawn = imported.network.init(5);
    const size = ({ data }: HostTensor): number => Math.hypot(...data);
    const [name, largest] = Object.entries(imported.params).sort(([, a], [, b]) => b.data.length - a.data.length)[0]!;
    expect(size(drawn[name]!) / size(largest)).toBeCloseTo(1, 0);
    expect(drawn[name]!.data).not.toEqual(largest.data);
  });

  it('starts as its own student, which learns from the interval', async () => {
    const student = flowMapFrom(imported, 0);
    expect(student.network.config.interval).toBe(true);
    const names = Object.keys(student.params);
    const s = hostTensor([2], [0, 0.5]);
    const results = await evaluate(
      runtime,
      (...[x, t, s, label, ...values]) => {
        const params = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
        const F = student.network.apply(params, { x: x!, t: t!, s: s!, conditions: { label: label! } });
        return { F, change: gradients(F.square().sum(), params)['interval.output.weight']!.abs().sum() };
      },
      [x, t, s, label, ...Object.values(student.params)],
    );
    near(Array.from(results.F.data), await velocityAt(velocityField(own)));
    expect(results.change.data[0]).toBeGreaterThan(0.1);
  });

  it('is a flow map where the file takes target times', () => {
    const map = flowMapFrom(own, 0);
    const network = importOnnx(exportNetwork(map).model);
    const again = importedModel(network, { ...mapping, s: 'r_timestep', classes: ['a', 'b'] });
    expect(again).toMatchObject({ kind: 'flowMap', network: { config: { interval: true } } });
    expect(() =>
      importedModel(network, { ...mapping, s: 'r_timestep', prediction: 'v', noise: { name: 'vp' } }),
    ).toThrow(/predicts a mean velocity/);
  });
});

/** The file of `sample * (timestep + 1)`. */
const linear = importOnnx(
  file({
    nodes: [
      node('Reshape', ['timestep', 'column'], ['column_of_times']),
      node('Add', ['column_of_times', 'one'], ['factor']),
      node('Mul', ['sample', 'factor'], ['y']),
    ],
    inputs: [value('sample', DataType.FLOAT, ['n', 2]), value('timestep', DataType.FLOAT, ['n'])],
    tensors: [whole('column', [-1, 1]), floats('one', [], [1])],
  }),
);
const names = { x: 'sample', t: 'timestep' };

describe('what a network predicts', () => {
  // At t = 1/4, the point 3/4 x_0 + 1/4 z, in its terms: sigma 1/3 and x / (3/4).
  const [point, time] = [hostTensor([2, 2], [3, 3, 3, 3]), hostTensor([2], [0.25, 0.25])];
  const sigma = 1 / 3;
  const cases: readonly (readonly [string, Partial<ImportedVelocityOptions>, number])[] = [
    ['velocity', {}, 3 * 1.25],
    // D = 4 (1 + sigma), v = (x - D) / t
    ['data', { prediction: 'data', noise: { name: 've' } }, (3 - 4 * (1 + sigma)) / 0.25],
    // z = 4 (1 + sigma), v = (z - x) / (1 - t)
    ['noise', { prediction: 'noise', noise: { name: 've' } }, (4 * (1 + sigma) - 3) / 0.75],
    // Its data are twice as large: sigma is 2/3, the point in its terms 2 x / (3/4), and its prediction is twice
    // ours.
    [
      'data of another size',
      { prediction: 'data', noise: { name: 've' }, dataScale: 2 },
      (3 - (8 * (1 + 2 * sigma)) / 2) / 0.25,
    ],
    // F = x c_in (1 + log(sigma) / 4), D = c_skip x + c_out F
    [
      'edm',
      { prediction: 'edm' },
      (3 - (4 * 0.25) / (sigma ** 2 + 0.25) - ((sigma / 2) * 4 * (1 + Math.log(sigma) / 4)) / (sigma ** 2 + 0.25)) /
        0.25,
    ],
  ];

  it.each(cases)('%s becomes a velocity', async (_, prediction, wanted) => {
    const got = await velocityAt(importedVelocity(linear, { ...names, ...prediction }), point, time);
    for (const one of got) expect(one).toBeCloseTo(wanted, 5);
  });

  it('v becomes a velocity', async () => {
    // On the trigonometric schedule: A = 3 / sqrt(10), B = 1 / sqrt(10), y = x / (sqrt(10) / 4), its time 2 atan(1/3) / pi.
    const [A, B, y] = [3 / Math.sqrt(10), 1 / Math.sqrt(10), 12 / Math.sqrt(10)];
    const v = y * (1 + (2 / Math.PI) * Math.atan(1 / 3));
    const options = { ...names, prediction: 'v', noise: { name: 'trigonometric' } } as const;
    const got = await velocityAt(importedVelocity(linear, options), point, time);
    for (const one of got) expect(one).toBeCloseTo(B * y + A * v - (A * y - B * v), 5);
  });

  it.each<[string, object, RegExp]>([
    [
      'an unknown prediction',
      { prediction: 'score', noise: { name: 'vp' } },
      /prediction: wanted one of velocity, noise/,
    ],
    ['noise that is not known', { prediction: 'noise' }, /noise: a prediction of noise needs to know/],
    ['an unknown noise', { prediction: 'noise', noise: { name: 'sub-vp' } }, /wanted one of linear, trigonometric, ve/],
    ['noise for a velocity', { noise: { name: 'vp' } }, /a velocity is that of the linear path/],
    ['a scale without effect', { dataScale: 2 }, /has no effect on a prediction of velocity/],
    ['a deviation for another prediction', { sigmaData: 1 }, /for the prediction edm, got 1 for velocity/],
    ['a scale of 0', { dataScale: 0 }, /dataScale: wanted a number > 0/],
    ['another name', { x: 'image' }, /importedVelocity.x: the file has no input "image"/],
  ])('%s is refused', (_, options, message) => {
    const make = (): unknown => importedVelocity(linear, { ...names, ...options });
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(message);
  });

  it('a shape and classes that the file does not have are refused', () => {
    expect(() => importedModel(linear, { ...names, classes: ['a'] })).toThrow(/no condition `label` that they are for/);
    const open = importOnnx(
      file({
        nodes: [node('Mul', ['x', 't'], ['y'])],
        inputs: [value('x', DataType.FLOAT, ['n', 'c']), value('t', DataType.FLOAT, ['n', 1])],
      }),
    );
    expect(() => importedModel(open, { x: 'x', t: 't' })).toThrow(/does not say the shape of a sample, \[c\]; give it/);
    expect(importedModel(open, { x: 'x', t: 't', shape: [3] }).network.config.shape).toEqual([3]);
  });
});

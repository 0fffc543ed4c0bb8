import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { classConditions, defineNetwork, gaussianVelocity, type Model } from '@flowmap/core';
import { writeImageGrid } from '@flowmap/data/node';
import { exportNetwork } from '@flowmap/runtime-onnx';
import { hostTensor } from '@flowmap/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writePhotos } from '../__fixtures__/material.js';
import { answerOf, runFlowmap } from '../__fixtures__/run-flowmap.js';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-imported-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const at = (name: string): string => join(scratch, name);
const [teacher, photos] = [at('teacher.onnx'), at('photos')];
const TINY = ['--iterations=2', '--batch-size=2', '--threads=1'];
const MAPPING = { x: 'sample', t: 'timestep', conditions: { label: 'class_labels' }, timeScale: 1000 };
const PAIRS = 'x=sample,t=timestep,timeScale=1000,conditions.label=class_labels';

beforeAll(async () => {
  process.env['XDG_CACHE_HOME'] = at('cache');
  mkdirSync(at('cache'));
  await writePhotos(photos);
  mkdirSync(at('bright'));
  const images = new Float32Array(48).fill(0.8); // of which nearly -0.8 is the mean direction to noise
  images.set([-1, 1]);
  await writeImageGrid(at('bright/1.png'), { images, shape: [3, 4, 4], gap: 0 });
  const field = gaussianVelocity({ std: 0.7 });
  const network = defineNetwork(
    { type: 'gaussian', shape: [3, 4, 4], interval: false },
    { gain: { shape: [1, 3, 1, 1], std: 1 }, shifts: { shape: [2, 3], std: 0 } },
    ({ gain, shifts }, inputs) =>
      field
        .velocity({}, inputs)
        .mul(gain!)
        .add(shifts!.gather(inputs.conditions!['label']!).reshape([-1, 3, 1, 1])),
    { conditions: classConditions(2) },
  );
  const params = { gain: hostTensor([1, 3, 1, 1], [1, 1, 1]), shifts: hostTensor([2, 3], [0.1, 0, 0, 0, 0, -0.1]) };
  const model: Model = { kind: 'velocity', network, params, classes: ['cat', 'dog'] };
  writeFileSync(teacher, exportNetwork(model).model);
});

/** The file of a velocity without classes or parameters. */
function gaussian(shape: readonly number[]): Uint8Array {
  const field = gaussianVelocity({ std: 0.7 });
  const network = defineNetwork({ type: 'gaussian', shape, interval: false }, {}, (_, inputs) =>
    field.velocity({}, inputs),
  );
  return exportNetwork({ kind: 'velocity', network, params: {}, classes: [] }).model;
}

/** The file of a velocity that is the same everywhere. */
function timeless(value: number): Uint8Array {
  const network = defineNetwork({ type: 'constant', shape: [3, 4, 4], interval: false }, {}, (_, { x, t }) =>
    x
      .mul(0)
      .add(value)
      .add(t.mul(0).reshape([-1, 1, 1, 1])),
  );
  return exportNetwork({ kind: 'velocity', network, params: {}, classes: [] }).model;
}

test('an ONNX file is inspected, sampled and distilled with a mapping, and its student sampled', async () => {
  const found = await answerOf('inspect', teacher);
  expect(found).toMatchObject({ is: 'onnx', parameters: 6, outputs: ['out_sample float32 [batch, 3, 4, 4]'] });
  expect(found['inputs']).toEqual([
    'sample float32 [batch, 3, 4, 4]',
    'timestep float32 [batch]',
    'class_labels int32 [batch]',
  ]);

  const mapping = at('mapping.json');
  writeFileSync(mapping, JSON.stringify({ ...MAPPING, classes: ['cat', 'dog'] }));
  const drawn = await answerOf(
    'sample',
    teacher,
    '--mapping',
    mapping,
    '--count=2',
    '--steps=2',
    '--threads=1',
    '--out',
    at('a.png'),
  );
  expect(drawn).toMatchObject({ shape: [3, 4, 4], sampler: 'heun', steps: 2 });

  const out = at('student');
  const {
    code,
    out: shown,
    error,
  } = await runFlowmap('distill', photos, '--teacher', teacher, '--mapping', PAIRS, ...TINY, '--out', out);
  expect(error).toBe('');
  expect(code).toBe(0);
  expect(shown).toMatch(/^teacher: explains \d+ % at t = 0\.1, \d+ % at t = 0\.5, \d+ % at t = 0\.9 of the direction/m);
  const student = join(out, 'student.safetensors');
  const graph = expect.stringMatching(/^\d+ characters$/) as string;
  expect(await answerOf('inspect', student)).toMatchObject({
    ...{ is: 'checkpoint', kind: 'flow map', classes: ['cat', 'dog'], conditions: ['label'] },
    network: { type: 'onnx', mapping: MAPPING, graph },
  });
  expect(await answerOf('inspect', out)).toMatchObject({ is: 'run', finished: true, network: { type: 'onnx', graph } });
  const samples = await answerOf('sample', student, '--class=dog', '--count=2', '--threads=1', '--out', at('b.png'));
  expect(samples).toMatchObject({ sampler: 'flow-map', steps: 4, class: 'dog' });
});

describe('what is refused with one line, and writes nothing', () => {
  const file = (name: string, text: string): string => {
    writeFileSync(at(name), text);
    return at(name);
  };
  const distilling = (mapping: string): string[] => [
    'distill',
    photos,
    '--teacher',
    teacher,
    '--mapping',
    mapping,
    ...TINY,
  ];

  test.each<[string, () => string[], RegExp]>([
    [
      'a teacher without a mapping',
      () => ['distill', photos, '--teacher', teacher],
      /--mapping: wanted one for '.*teacher\.onnx', which says.*the file takes sample float32 \[batch, 3, 4, 4\], timestep/,
    ],
    [
      'another name',
      () => distilling('x=image,t=timestep'),
      /no input "image" \(tried {"x":"image",.*the file takes sample/,
    ],
    [
      'an input that is not mapped',
      () => distilling('x=sample,t=timestep'),
      /nothing is mapped to the input 'class_labels' \(tried/,
    ],
    [
      'times of another scale',
      () => distilling('x=sample,t=timestep,timeScale=0.001,conditions.label=class_labels'),
      /it explains .*% at t = 0\.9 of the direction.*tried {"x":"sample",.*"timeScale":0\.001/,
    ],
    [
      'another prediction',
      () => distilling(`${PAIRS},prediction=noise,noise=vp,noise.betaMax=20`),
      /it explains .*tried .*"noise":{"name":"vp","betaMax":20}/,
    ],
    [
      'images of another size',
      () => [...distilling(PAIRS), '--size=8'],
      /takes samples of \[3, 4, 4\], the images are \[3, 8, 8\].*tried {/,
    ],
    [
      'channels that come last',
      () => {
        writeFileSync(at('last.onnx'), gaussian([8, 8, 3]));
        return [
          'distill',
          photos,
          '--teacher',
          at('last.onnx'),
          '--mapping',
          'x=sample,t=timestep,timeScale=1000',
          ...TINY,
        ];
      },
      /takes samples of \[8, 8, 3\].*its channels come last: export it with them first \(tried/,
    ],
    [
      'times without effect',
      () => {
        writeFileSync(at('timeless.onnx'), timeless(-0.8));
        const mapping = 'x=sample,t=timestep';
        return ['distill', at('bright'), '--teacher', at('timeless.onnx'), '--mapping', mapping, ...TINY];
      },
      /its times have no effect: .* check timeScale; tried {"x":"sample","t":"timestep"}/,
    ],
    [
      'target times',
      () => distilling('x=sample,t=timestep,s=class_labels,wholeTimes=true'),
      /--mapping: a teacher is a velocity field; a file with target times, s, is a flow map/,
    ],
    [
      'a number of the noise that is none',
      () => distilling(`${PAIRS},prediction=noise,noise=vp,noise.betaMax=large`),
      /betaMax: wanted/,
    ],
    ['a word that is no pair', () => distilling('x=sample,timestep'), /'timestep' is neither, got 'x=sample,timestep'/],
    ['a name twice', () => distilling('x=sample,x=timestep'), /'x' is there twice/],
    ['a field of a word', () => distilling('x.name=sample,t=timestep'), /not 'x\.name'/],
    ['a number that is none', () => distilling('x=sample,t=timestep,timeScale=large'), /timeScale: .*expected number/],
    ['an unknown word', () => distilling('x=sample,t=timestep,scale=2'), /Unrecognized key: "scale"/],
    ['a file of something else', () => distilling(file('list.json', '[]')), /expected object.* got '.*list\.json'/],
    ['a missing file of a mapping', () => distilling(at('none.json')), /none\.json: is missing or cannot be read/],
    [
      'classes that nothing names',
      () => ['sample', teacher, '--mapping', PAIRS],
      /'class_labels' takes classes; name them as "classes"/,
    ],
    [
      'a mapping of a checkpoint',
      () => ['sample', at('x.safetensors'), '--mapping', PAIRS],
      /has no effect on a checkpoint/,
    ],
    [
      'a mapping that is none, before the file is read',
      () => ['sample', file('no-model.onnx', 'no model'), '--mapping', 'x=sample,timestep'],
      /'timestep' is neither/,
    ],
    [
      'target times of a teacher, before the file is read',
      () => ['distill', photos, '--teacher', file('no-model.onnx', 'no model'), '--mapping', 'x=x,t=t,s=s'],
      /a teacher is a velocity field/,
    ],
    [
      'options that exclude each other, before the file is read',
      () => ['sample', file('no-model.onnx', 'no model'), '--mapping', PAIRS, '--sampler=heun', '--gamma=0.5'],
      /--gamma: has no effect with --sampler heun/,
    ],
    [
      'a tolerance without its sampler, before the file is read',
      () => ['sample', file('no-model.onnx', 'no model'), '--mapping', PAIRS, '--tolerance=0.1', '--steps=2'],
      /--tolerance: has no effect without --sampler dormand-prince/,
    ],
    ['a file that is no ONNX', () => ['inspect', file('torn.onnx', 'no model')], /torn\.onnx: /],
  ])('%s', async (_, args, message) => {
    const command = args();
    const before = readdirSync(scratch);
    const { code, error } = await runFlowmap(...command, ...(command[0] === 'inspect' ? [] : ['--out', at('refused')]));
    expect(error).toMatch(/^error: [^\n]+\n$/);
    expect(error).toMatch(message);
    expect(code).toBe(1);
    expect(readdirSync(scratch)).toEqual(before);
    expect(existsSync(at('refused'))).toBe(false);
  });
});

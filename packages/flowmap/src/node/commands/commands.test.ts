import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mlp, normalBatch } from '@flowmap/core';
import { saveModel } from '@flowmap/core/node';
import { decodeNpz } from '@flowmap/eval';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeFlowMap, writeNoise, writePhotos } from '../__fixtures__/material.js';
import { answerOf, runFlowmap } from '../__fixtures__/run-flowmap.js';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-command-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const at = (name: string): string => join(scratch, name);
const [model, points, photos] = [at('model.safetensors'), at('points.safetensors'), at('photos')];
const TINY = ['--iterations=2', '--batch-size=2', '--threads=1'];

beforeAll(async () => {
  process.env['XDG_CACHE_HOME'] = at('cache');
  await writeFlowMap(model);
  await writeFlowMap(points, [2]);
  await writePhotos(photos);
});

describe('sample', () => {
  test('draws one picture of all, and says so in one JSON object', async () => {
    const out = at('grid.png');
    const answer = await answerOf(
      'sample',
      model,
      '--count=9',
      '--steps=2',
      '--class=dog',
      '--threads=1',
      '--out',
      out,
    );
    expect(answer).toMatchObject({ out, count: 9, steps: 2, class: 'dog', sampler: 'flow-map', shape: [3, 4, 4] });
    // Three rows and columns of 4 pixels each, with one pixel between and around them.
    expect(await sharp(out).metadata()).toMatchObject({ format: 'png', width: 16, height: 16 });
  });

  test('gives the same sample for every count and batch, and classes in turn', async () => {
    const numbers = async (...args: string[]): Promise<number[]> => {
      const out = at('numbers.npz');
      await answerOf('sample', points, '--out', out, '--threads=1', ...args);
      return [...decodeNpz(readFileSync(out), out)['samples']!.data];
    };
    const five = await numbers('--count=5');
    expect(five).toHaveLength(10);
    const three = await numbers('--count=3', '--batch-size=2');
    three.forEach((value, i) => expect(value).toBeCloseTo(five[i]!, 5)); // batches differ in the last bits
    const dogs = await numbers('--count=2', '--class=1');
    expect(dogs[2]).toBeCloseTo(five[2]!, 5);
    expect(Math.abs(dogs[0]! - five[0]!)).toBeGreaterThan(1e-3);
  });

  test('tells a student the scale of guidance, and guides a model by another', async () => {
    const [told, out] = [at('told.safetensors'), at('guided.npz')];
    await writeFlowMap(told, [2], { guidance: [] });
    const numbers = async (...args: string[]): Promise<number[]> => {
      await answerOf('sample', ...args, '--out', out, '--threads=1', '--count=2', '--steps=1');
      return [...decodeNpz(readFileSync(out), out)['samples']!.data];
    };
    const untold = await numbers(told);
    expect(await numbers(told, '--guidance=1')).toEqual(untold);
    expect(Math.abs((await numbers(told, '--guidance=2'))[0]! - untold[0]!)).toBeGreaterThan(1e-3);
    // λ F + (1 - λ) F = F, up to rounding
    const itself = await numbers(points, '--guidance=3', '--weak', points);
    (await numbers(points)).forEach((value, i) => expect(itself[i]).toBeCloseTo(value, 4));
    // Classes take turns without the null class; without guidance, all samples are dogs.
    const dogs = await numbers(points, '--guidance=1', '--null-class=cat');
    (await numbers(points, '--class=dog')).forEach((value, i) => expect(dogs[i]).toBeCloseTo(value, 4));
  });

  test('steps by any sampler on any grid', async () => {
    const numbers = async (...args: string[]): Promise<{ answer: Record<string, unknown>; data: number[] }> => {
      const out = at('stepped.npz');
      const answer = await answerOf(
        'sample',
        points,
        '--out',
        out,
        '--threads=1',
        '--count=3',
        '--batch-size=2',
        ...args,
      );
      return { answer, data: [...decodeNpz(readFileSync(out), out)['samples']!.data] };
    };
    const apart = (a: number[], b: number[]): number => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
    // The diagonal of the flow map is its velocity: all solvers of its ODE lead to the same points.
    const exact = await numbers('--sampler=dormand-prince', '--tolerance=1e-5');
    expect(exact.answer).toMatchObject({ sampler: 'dormand-prince', tolerance: 1e-5 });
    expect(exact.answer['evaluations']).toBeGreaterThan(12);
    for (const [name, steps] of [
      ['dormand-prince', 16],
      ['adams-bashforth', 64],
      ['dpm-solver', 128],
    ] as const) {
      const { data } = await numbers(`--sampler=${name}`, `--steps=${steps}`);
      expect(apart(data, exact.data), name).toBeLessThan(0.02);
    }
    const jumps = await numbers('--steps=2');
    expect(apart((await numbers('--times=1,0.5,0')).data, jumps.data)).toBe(0);
    expect(apart((await numbers('--steps=2', '--shift=3')).data, (await numbers('--times=1,0.75,0')).data)).toBe(0);
    // With γ = 1 all noise is new, as in consistency sampling.
    const anew = await numbers('--sampler=gamma', '--gamma=1', '--steps=3');
    expect(apart(anew.data, (await numbers('--sampler=consistency', '--steps=3')).data)).toBeLessThan(1e-4);
    const again = await numbers('--restart', '--times=1,0.5,0.8,0.5,0');
    expect(again.answer).toMatchObject({ sampler: 'restart of flow-map', steps: 4 });
    expect(apart(again.data, jumps.data)).toBeGreaterThan(1e-3);
  });

  test('fills a new folder, and no other', async () => {
    const out = at('pictures');
    await answerOf('sample', model, '--count=3', '--batch-size=2', '--steps=1', '--threads=1', '--out', out);
    expect(readdirSync(out).sort()).toEqual(['000000.png', '000001.png', '000002.png']);
    // A path with a trailing slash, beside what a killed process left behind.
    mkdirSync(at('slash.partial-1'));
    writeFileSync(
      at('slash.partial-1/lock'),
      JSON.stringify({ pid: 1, host: 'gone', space: '', started: '', since: '' }),
    );
    utimesSync(at('slash.partial-1/lock'), 0, 0);
    await answerOf('sample', model, '--count=1', '--steps=1', '--threads=1', '--out', `${at('slash')}/`);
    expect(readdirSync(at('slash'))).toEqual(['000000.png']);
    expect(existsSync(at('slash.partial-1'))).toBe(false);
    const again = await runFlowmap('sample', model, '--out', out);
    expect(again).toMatchObject({ code: 1, error: expect.stringContaining('is not empty; give a new one') as string });
  });
});

describe('export', () => {
  test('writes a file that samples in plain onnxruntime as the command does', async () => {
    const [out, numbers] = [at('exported.onnx'), at('exported.npz')];
    const answer = await answerOf('export', points, '--steps=2', '--out', out);
    const bytes = readFileSync(out).byteLength;
    expect(answer).toMatchObject({ out, steps: 2, sampler: 'flow-map', files: [{ path: out, bytes }] });
    expect(answer['metadata']).toMatchObject({ 'flowmap.times': '[1,0.5,0]', 'flowmap.classes': '["cat","dog"]' });
    await answerOf('sample', points, '--steps=2', '--count=3', '--class=dog', '--threads=1', '--out', numbers);
    const wanted = decodeNpz(readFileSync(numbers), numbers)['samples']!.data;
    const session = await InferenceSession.create(out);
    const { samples } = await session.run({
      noise: new Tensor('float32', normalBatch({ seed: 0, purpose: 'sample' }, [3, 2], 0), [3, 2]),
      times: new Tensor('float32', [1, 0.5, 0], [3]),
      label: new Tensor('int32', [1, 1, 1], [3]),
    });
    await session.release();
    (samples!.data as Float32Array).forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 5));
  });

  test('writes the folders of transformers.js and of diffusers', async () => {
    const names = async (layout: string): Promise<string[]> => {
      const out = at(layout);
      const answer = await answerOf('export', points, '--layout', layout, '--out', out);
      expect(answer).toMatchObject({ layout, metadata: { 'flowmap.kind': 'flowMap' } });
      return readdirSync(out, { recursive: true, encoding: 'utf8' }).sort();
    };
    const samplers = ['model.onnx', 'model_fp16.onnx', 'model_quantized.onnx'].map((name) => `onnx/${name}`);
    expect(await names('transformers.js')).toEqual(['config.json', 'onnx', ...samplers]);
    const parts = ['scheduler', 'scheduler/scheduler_config.json', 'unet', 'unet/model.onnx'];
    expect(await names('diffusers')).toEqual(['model_index.json', ...parts]);
  });

  test('in fewer bits, with noise inside, and says what the file takes', async () => {
    const out = at('small.onnx');
    const { code, out: shown } = await runFlowmap('export', model, '--precision=int8', '--noise=inside', '--out', out);
    expect(code).toBe(0);
    expect(shown).toMatch(
      /small\.onnx: \d+ bytes\n4 steps by flow-map, weights in int8; inputs times, label; times \[1,/,
    );
  });
});

test('a teacher is trained, inspected and distilled, and its student sampled', async () => {
  const train = ['train', photos, ...TINY, '--channels=16', '--out', at('teacher')];
  const { checkpoint, images } = await answerOf(...train);
  expect(images).toMatchObject({
    ...{ read: 3, formats: { png: 3 }, classes: { cat: 2, dog: 1 }, skipped: [], leftOut: {} },
    ...{ samples: 3, shape: [3, 4, 4], values: { samples: 3, max: 1 }, warning: null },
  });
  expect(checkpoint).toBe(join(at('teacher'), 'teacher.safetensors'));
  expect(await answerOf('inspect', at('teacher'))).toMatchObject({
    ...{ is: 'run', finished: true, step: 2, iterations: 2, kind: 'velocity field', result: checkpoint },
    objective: { name: 'flow-matching' },
  });

  // Trained further, keeping a checkpoint of every step.
  const more = [...train, '--iterations=4', '--extend', '--keep=1'];
  expect(await answerOf(...more)).toMatchObject({ checkpoint, step: 4 });
  expect(readdirSync(join(at('teacher'), 'checkpoints')).sort()).toEqual(['0000002', '0000003', '0000004']);

  const distilled = await answerOf('distill', photos, '--teacher', String(checkpoint), ...TINY, '--out', at('student'));
  const student = join(at('student'), 'student.safetensors');
  expect(distilled).toMatchObject({ checkpoint: student, step: 2 });
  expect(await answerOf('inspect', student)).toMatchObject({
    ...{ is: 'checkpoint', kind: 'flow map', classes: ['cat', 'dog'], conditions: ['label'] },
    training: { objective: 'ayf-emd', iterations: 2 },
  });
  const { code, out } = await runFlowmap('sample', student, '--count=2', '--threads=1', '--out', at('student.png'));
  expect(code).toBe(0);
  expect(out).toMatch(/student\.png: 2 samples of \[3, 4, 4\] in 4 steps by flow-map, seed 0; .* samples\/s\n$/);
});

test('a training says what it reads, and takes images as its options say; distilling takes those of the teacher', async () => {
  await writePhotos(at('mixed'));
  writeFileSync(at('mixed/dog/2.png'), readFileSync(at('mixed/dog/1.png')).subarray(0, 50));
  const train = ['train', at('mixed'), ...TINY, '--channels=16', '--out', at('grey')];
  expect((await runFlowmap(...train)).error).toMatch(/dog\/2\.png: is truncated.* --on-bad skip\n$/);
  const options = ['--size=4x8', '--crop=none', '--grey', '--balanced', '--on-bad=skip'];
  const { code, out } = await runFlowmap(...train, ...options);
  expect(code).toBe(0);
  expect(out).toContain('mixed: 3 images read (3 PNG), 2 classes; 1 bad image skipped\n');
  expect(out).toMatch(/\n {2}skipped .*dog\/2\.png: is truncated/);
  expect(out).toMatch(
    /\ndata: 4 samples of \[1, 4, 8\], 2 classes; values -[01]\.\d\d to 1\.00, mean -?0\.\d\d, deviation 0\.\d\d\n/,
  );
  const small = ['--size=2', '--crop-from=2x4', '--on-bad=skip', '--json', '--out', at('crops')];
  const crops = await runFlowmap('train', at('mixed'), ...TINY, '--channels=16', ...small);
  expect(crops.error).toContain('\ndata: 48 samples of [3, 2, 2], 2 classes; ');
  expect(JSON.parse(crops.out)).toMatchObject({
    images: { read: 3, skipped: [expect.stringContaining('dog/2.png: is truncated')], samples: 48, shape: [3, 2, 2] },
  });
  expect(crops.error.match(/data: /g)).toHaveLength(1);
  const larger = await runFlowmap('train', at('mixed'), ...TINY, '--size=4', '--crop-from=3x8', '--out', at('larger'));
  expect(larger.error).toContain('--crop-from: wanted at least 4x4, as --size; got 3x8');
  const dogs = await runFlowmap('train', at('mixed'), ...TINY, '--classes=dog,wolf', '--out', at('dogs'));
  expect(dogs.error).toMatch(/wolf: no such file or folder/);
  const teacher = join(at('grey'), 'teacher.safetensors');
  const distill = ['distill', at('mixed'), '--teacher', teacher, '--on-bad=skip', ...TINY, '--out', at('grey-student')];
  const { checkpoint } = await answerOf(...distill);
  expect(await answerOf('inspect', String(checkpoint))).toMatchObject({ network: { shape: [1, 4, 8] } });
});

test('inspect counts images, and finds the damaged and the odd', async () => {
  await writePhotos(at('odd'));
  writeFileSync(at('odd/dog/2.png'), readFileSync(at('odd/dog/1.png')).subarray(0, 50));
  writeFileSync(at('odd/notes.txt'), '');
  const odd = await answerOf('inspect', at('odd'));
  expect(odd).toMatchObject({ is: 'images', images: 3, classes: { cat: 2, dog: 1 }, size: { height: 4, width: 4 } });
  expect(odd).toMatchObject({ leftOut: { '.txt': 1 }, unreadable: [expect.stringContaining('dog/2.png') as string] });
  expect(odd).toMatchObject({ formats: { png: 3 }, balance: 0.5, duplicates: [], leftOutFirst: ['notes.txt'] });
  expect(odd['values']).toMatchObject({ min: -1, max: 1 });
  writeFileSync(at('odd/dog/3.png'), readFileSync(at('odd/dog/1.png')));
  const { out } = await runFlowmap('inspect', at('odd'));
  expect(out).toMatch(/^duplicates +dog\/1\.png = dog\/3\.png$/m);
  await writeNoise(at('odd/cat/3.png'), 5);
  expect(await answerOf('inspect', at('odd'))).toMatchObject({
    ...{ size: null, differingSizes: expect.stringMatching(/3\.png is 5 x 5, .* 4 x 4/) as string },
  });
});

describe('what is refused with one line, and writes nothing', () => {
  const [empty, torn, field] = [at('empty.safetensors'), at('torn.safetensors'), at('field.safetensors')];
  const digits = at('digits.safetensors');
  const MAPPED = ['--sampler=flow-map', '--out=x.onnx'];
  beforeAll(async () => {
    const network = mlp({ shape: [2], width: 4, depth: 1 });
    await saveModel(field, { kind: 'velocity', network, params: network.init(0), classes: [] });
    const two = mlp({ shape: [2], width: 4, depth: 1, classes: 2 });
    await saveModel(digits, { kind: 'velocity', network: two, params: two.init(0), classes: ['10', '2'] });
    writeFileSync(empty, '');
    writeFileSync(torn, readFileSync(model).subarray(0, 2000));
    mkdirSync(at('weights'));
    for (const name of ['clip-merges.txt', 'pt_inception-2015-12-05-6726825d.pth']) {
      writeFileSync(at(join('weights', name)), 'a file of another origin');
    }
  });

  test.each([
    ['no command', [], 2, ''],
    ['an unknown command', ['sampel'], 2, "unknown command 'sampel' of flowmap; it has train, distill, sample, export"],
    ['an unknown command of a group', ['eval', 'fidd'], 2, 'of flowmap eval; it has metrics, fid'],
    [
      'an unknown option',
      ['sample', model, '--step=2'],
      2,
      "unknown option '--step=2' (Did you mean --steps?); `flowmap sample",
    ],
    ['a missing argument', ['sample'], 2, "missing required argument 'checkpoint'; `flowmap sample --help` lists"],
    ['a missing option', ['distill', photos], 2, "required option '--teacher <FILE>' not specified"],
    ['an argument too many', ['inspect', model, points], 2, 'too many arguments'],
    ['a missing checkpoint', ['sample', at('none')], 1, 'none: there is no such file or folder'],
    ['a folder for a checkpoint', ['sample', photos], 1, 'photos: is a folder; give a file in it'],
    ['an empty checkpoint', ['sample', empty], 1, 'give a model that `flowmap train` or `flowmap distill` wrote'],
    ['a torn checkpoint', ['sample', torn], 1, 'give a model that `flowmap train` or `flowmap distill` wrote'],
    ['a class that is not there', ['sample', model, '--class=bird'], 1, "no class 'bird'; the model has cat, dog"],
    ['a class number that is not there', ['sample', model, '--class=2'], 1, "no class '2'"],
    ['a number that is no name', ['sample', digits, '--class=1'], 1, "no class '1'; the model has 10, 2"],
    [
      'a run among its images',
      ['train', photos, '--out', at('photos/run')],
      1,
      '--out: wanted a folder outside of the',
    ],
    ['a scale without a weak model', ['sample', model, '--guidance=2'], 1, 'give --weak FILE or --null-class NAME'],
    ['a weak model without a scale', ['sample', model, '--weak', model], 1, 'wanted the scale for --weak'],
    ['another weak model', ['sample', model, '--guidance=2', '--weak', points], 1, 'differs in the shape of samples'],
    ['γ without its sampler', ['sample', model, '--gamma=0.5'], 1, '--gamma: has no effect with --sampler flow-map'],
    [
      'its sampler without γ',
      ['export', model, '--sampler=gamma', '--out=x.onnx'],
      1,
      '--gamma: wanted a number of at',
    ],
    ['γ above 1', ['sample', model, '--sampler=gamma', '--gamma=2'], 1, 'of at most 1, for --sampler gamma; got 2'],
    ['a tolerance of fixed steps', ['sample', model, '--tolerance=0.1'], 1, 'without --sampler dormand-prince'],
    [
      'steps beside a tolerance',
      ['sample', model, '--sampler=dormand-prince', '--tolerance=0.1', '--steps=2'],
      1,
      '--steps: has no effect beside --tolerance',
    ],
    [
      'a tolerance below single precision',
      ['sample', model, '--sampler=dormand-prince', '--tolerance=1e-9'],
      1,
      'tolerance: wanted a number of at least 0.000001',
    ],
    ['steps beside times', ['sample', model, '--times=1,0', '--steps=2'], 1, '--steps: has no effect beside --times'],
    ['times that end early', ['sample', model, '--times=1,0.5'], 1, 'wanted times from 1 to 0, such as 1,0.7,0.3,0'],
    ['times beyond noise', ['sample', model, '--times=2,0'], 2, 'Wanted numbers from 0 to 1 separated by commas'],
    ['times that go up', ['sample', model, '--times=1,0.5,0.7,0'], 1, 'give --restart to noise the points'],
    ['a shift of one step', ['sample', model, '--steps=1', '--shift=2'], 1, '--shift: has no effect beside --steps 1'],
    ['a restart that never comes', ['sample', model, '--restart'], 1, '--restart: has no effect beside --steps'],
    ['pictures of points', ['sample', points], 1, 'samples of [2] are not images; give --out FILE.npz'],
    ['another kind of file', ['sample', model, '--out=x.jpg'], 1, "wanted FILE.png, FILE.npz or a folder, got 'x.jpg'"],
    ['an export without a place', ['export', model], 2, "required option '--out <FILE>' not specified"],
    ['an export to another kind of file', ['export', model, '--out=x.jpg'], 1, "wanted FILE.onnx, got 'x.jpg'"],
    ['an export of a folder', ['export', photos, '--out=x.onnx'], 1, 'photos: is a folder; give a file in it'],
    ['an export of a torn checkpoint', ['export', torn, '--out=x.onnx'], 1, 'give a model that `flowmap train`'],
    ['an export in no steps', ['export', model, '--steps=0', '--out=x.onnx'], 2, 'Wanted a whole number of at least 1'],
    [
      'an unknown precision',
      ['export', model, '--precision=int4', '--out=x.onnx'],
      2,
      'Wanted one of float32, float16',
    ],
    ['an unknown place of noise', ['export', model, '--noise=none', '--out=x.onnx'], 2, 'Wanted one of input, inside'],
    [
      'flow map steps of a velocity field',
      ['export', field, ...MAPPED],
      1,
      "'flow-map' wants a network with an interval",
    ],
    ['an export into a file', ['export', points, '--out', join(points, 'x.onnx')], 1, 'cannot be written'],
    ['missing images', ['train', at('none'), ...TINY], 1, 'none: no such file or folder'],
    [
      'a flow map as a teacher',
      ['distill', photos, '--teacher', model],
      1,
      'holds a flow map, wanted a velocity field',
    ],
    ['a missing teacher', ['distill', photos, '--teacher', at('none')], 1, 'none: there is no such file'],
    ['nothing to inspect', ['inspect', at('none')], 1, 'none: there is no such file or folder'],
    [
      'unknown weights',
      ['weights', 'vgg'],
      2,
      'Wanted one of inception, dinov2, clip, clip-b32; `flowmap weights --help`',
    ],
    ['weights of another origin', ['weights', 'inception', '--folder', at('weights')], 1, 'is not the published file'],
    ['merges of another origin', ['weights', 'clip', '--folder', at('weights')], 1, 'is not the published file'],
    ['an empty file to inspect', ['inspect', empty], 1, 'empty.safetensors: '],
  ] as const)('%s', async (_, args, code, message) => {
    const before = readdirSync(scratch);
    const refused = await runFlowmap(...args);
    expect(refused).toMatchObject({ code, error: expect.stringContaining(message) as string });
    if (code === 1 || message !== '') expect(refused.error).toMatch(/^error: [^\n]+\n$/);
    expect(readdirSync(scratch)).toEqual(before);
    expect(['samples.png', 'runs', 'x.jpg', 'x.onnx'].filter((name) => existsSync(name))).toEqual([]);
  });
});

test('help of a command names its arguments and options', async () => {
  const { code, out } = await runFlowmap('help', 'sample');
  expect(code).toBe(0);
  for (const text of ['flowmap sample [options] <checkpoint>', '--steps <N>', '--json']) expect(out).toContain(text);
  expect((await runFlowmap('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
});

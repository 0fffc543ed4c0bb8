import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  decodeMoments,
  encodeMoments,
  features,
  momentsOf,
  momentsToNpz,
  opaqueExtractor,
  precisionRecall,
  ProtocolError,
} from '@flowmap/eval';
import { folderMoments } from '@flowmap/eval/node';
import { DataError } from '@flowmap/core';
import { ImageSizeError } from '@flowmap/data/node';
import { ayfEmd, ayfLmd, flowMatching, teacherTrajectories, velocityAnchor } from '@flowmap/objectives';
import { hostTensor, uniforms } from '@flowmap/tensor';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { writeNoise } from '../../__fixtures__/material.js';
import { answerOf, runFlowmap } from '../../__fixtures__/run-flowmap.js';
import { named, type FeatureOutput, type OpenClip, type Opening, type OpenNetworks } from './extractor.js';
import { describedObjective } from './described-objective.js';
import { measuredBy, METRICS, type Metric } from './metric-table.js';
import { measureSides } from './metrics.js';
import { resultLines, type Results } from './results.js';
import { openSamples, type Measured, type SamplesOptions } from './samples.js';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-eval-command-'));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(scratch, { recursive: true, force: true });
});

const at = (name: string): string => join(scratch, name);
const [a, b, one, stats, results] = [at('a'), at('b'), at('one'), at('b.safetensors'), at('results.json')];

beforeAll(async () => {
  vi.stubEnv('FLOWMAP_WEIGHTS', at('weights'));
  for (let i = 0; i < 6; i++) {
    await writeNoise(join(a, `${i}.png`), 4);
    await writeNoise(join(b, `${i}.png`), 4);
  }
  await writeNoise(join(one, '1.png'), 4);
  await writeNoise(join(one, '2.png'), 6);
});

/** What is kept from an evaluation. */
interface Kept {
  readonly value: number;
  readonly values: Readonly<Record<string, number>>;
  readonly results: Readonly<Record<string, { readonly protocol: { samples: number } }>>;
}

/** The first three numbers of every image. */
const firsts = opaqueExtractor({ name: 'firsts' }, ({ shape: [n = 0], data }) => {
  const size = data.length / n;
  const rows = Array.from({ length: 3 * n }, (_, i) => data[size * Math.floor(i / 3) + (i % 3)]!);
  return Promise.resolve(hostTensor([n, 3], rows));
});
const plain: SamplesOptions = { size: null, maxUnreadable: 0, npzCount: null };
const talk = {
  signal: new AbortController().signal,
  print: (): void => undefined,
  note: (): void => undefined,
  progress: 'none',
} as const;

const opened = (): Promise<OpenNetworks> => Promise.resolve(named('pool', firsts));
const measure = async (path: string, keep: boolean): Promise<Measured> =>
  (await (await openSamples(path, plain, talk.signal)).measure(opened, { pool: { keep } }, talk)).of.pool!;

test('a folder has the moments that folderMoments gives, and its features if they are wanted', async () => {
  const { moments: wanted } = await folderMoments(a, firsts);
  const measured = await measure(a, true);
  expect(measured.moments).toEqual(wanted.moments());
  expect(measured.features).toMatchObject({ count: 6, width: 3, source: firsts.source });
  expect((await measure(a, false)).features).toBeUndefined();
});

test('what a folder cannot give is refused: two sizes, unreadable images beyond the limit, features that are NaN', async () => {
  await expect(measure(one, false)).rejects.toThrow(ImageSizeError);
  const torn = at('torn');
  for (const name of ['1.png', '2.png']) await writeNoise(join(torn, name), 4);
  writeFileSync(join(torn, '3.png'), readFileSync(join(torn, '1.png')).subarray(0, 60));
  await expect(measure(torn, false)).rejects.toThrow(DataError);
  const some = await openSamples(torn, { ...plain, maxUnreadable: 1 }, talk.signal);
  expect(await some.measure(opened, { pool: { keep: false } }, talk)).toMatchObject({
    images: ['1.png', '2.png'],
    unreadable: [expect.stringContaining('3.png')],
  });
  const nan = opaqueExtractor({ name: 'nan' }, ({ shape: [n = 0] }) =>
    Promise.resolve(
      hostTensor(
        [n, 1],
        Float32Array.from({ length: n }, (_, i) => (i === 3 ? NaN : i)),
      ),
    ),
  );
  const samples = await openSamples(a, plain, talk.signal);
  const opens = (): Promise<OpenNetworks> => Promise.resolve(named('pool', nan));
  await expect(samples.measure(opens, { pool: { keep: true } }, talk)).rejects.toMatchObject({
    name: 'FeatureError',
    sample: 3,
  });
});

test('every metric is measured of the features, under the name that belongs to them', async () => {
  const source = { extractor: 'inception-2015-12-05', weights: null, resize: 'none' };
  const many = (name: string, of: { extractor: string } = source): Measured => {
    const values = uniforms({ seed: 0, purpose: name }, 60).map((value, i) => (i % 3 === 2 ? value : value / 2));
    const all = features(hostTensor([20, 3], Float32Array.from(values)), { ...source, ...of });
    return { features: all, moments: momentsOf(all) };
  };
  const settings = { subsetSize: 4, seed: 1 };
  const of = async (metric: Metric): Promise<Results> => {
    const { output } = METRICS[metric];
    const extractor = output === 'pool' ? source.extractor : `${source.extractor}/${output}`;
    return measuredBy(metric, many('a', { extractor }), many('b', { extractor }), settings);
  };
  const probabilities = many('p', { extractor: `${source.extractor}/probabilities` });
  const rows = probabilities.features!.values.map((_, i) => [0.7, 0.2, 0.1][(i + Math.floor(i / 3)) % 3]!);
  const sure = { ...probabilities, features: { ...probabilities.features!, values: rows } };

  const compared = (Object.keys(METRICS) as Metric[]).filter((metric) => METRICS[metric].hasNoReference !== true);
  const measured = await Promise.all(compared.map(of));
  const values = Object.assign({}, ...measured, await measuredBy('is', sure, undefined, settings)) as Results;
  expect(Object.keys(values)).toEqual([
    ...['frechet-distance', 'kernel-distance', 'precision', 'recall', 'density', 'coverage', 'mind', 'fd-infinity'],
    ...['fid', 'kid', 'sfid', 'inception-score'],
  ]);
  expect(values['fid']).toEqual(values['frechet-distance']);
  expect(values['kid']).toEqual(values['kernel-distance']);
  expect(values['sfid']!.protocol).toMatchObject({ metric: 'sfid', extractor: 'inception-2015-12-05/spatial' });
  expect(values['precision']).toEqual(precisionRecall(many('a').features!, many('b').features!).precision);
  expect((await resultLines(values)).filter((line) => line.includes('extractor=inception'))).toHaveLength(12);

  const others = measuredBy('fid', many('a', { extractor: 'dinov2-vitl14' }), many('b'), settings);
  await expect(others).rejects.toThrow(ProtocolError);
});

describe('all metrics of one folder', () => {
  /** Networks whose outputs are the first numbers of every image, and the number of batches that they were given. */
  const counted = (kinds: readonly FeatureOutput[]): { networks: OpenNetworks; batches: () => number } => {
    let batches = 0;
    const extractor = 'inception-2015-12-05';
    const nameOf = (kind: string): string => (kind === 'pool' ? extractor : `${extractor}/${kind}`);
    const sources = Object.fromEntries(kinds.map((kind) => [kind, { ...firsts.source, extractor: nameOf(kind) }]));
    const networks: OpenNetworks = {
      sources,
      async extract(images) {
        batches++;
        const { shape, data } = await firsts.extract(images);
        return Object.fromEntries(kinds.map((kind) => [kind, hostTensor(shape, data)]));
      },
    };
    return { networks, batches: () => batches };
  };
  const opening = <T>(value: T): Opening<T> => ({
    open: () => Promise.resolve(value),
    close: () => Promise.resolve(),
  });
  /** A CLIP that sees the first three numbers of images, and the number of letters in texts. */
  const eyes: OpenClip = {
    images: firsts,
    texts: opaqueExtractor({ name: 'firsts' }, ({ shape: [n = 0], data }) =>
      Promise.resolve(
        hostTensor(
          [n, 3],
          Float32Array.from({ length: 3 * n }, (_, i) => Number(i % 3 === data[Math.floor(i / 3)]! % 3)),
        ),
      ),
    ),
    tokenize: (texts) =>
      hostTensor(
        [texts.length],
        Int32Array.from(texts, (text) => text.length),
      ),
    dispose: () => Promise.resolve(),
  };

  test('reads each image once', async () => {
    const [generated, reference] = [await openSamples(a, plain, talk.signal), await openSamples(b, plain, talk.signal)];
    const { networks, batches } = counted(['pool', 'spatial']);
    const captions = new Map(generated.images.map((name) => [name, 'x'.repeat(Number(name[0]))]));
    const settings = { metrics: ['fid', 'clip-score', 'sfid', 'pr'] as const, subsetSize: 4, seed: 0 };
    const opened = { network: opening(networks), clip: opening(eyes) };
    const { results } = await measureSides({ generated, reference, captions }, settings, opened, talk);
    expect(batches()).toBe(2); // one from each folder
    expect(Object.keys(results)).toEqual(['fid', 'clip-score', 'sfid', 'precision', 'recall']);
    expect(results['sfid']!.value).toBe(results['fid']!.value);

    // The cosine of (r, g, b) with the axis given by the number of letters.
    const rows = (await measure(a, true)).features!.values;
    const cosines = generated.images.map(
      (_, i) => rows[3 * i + (i % 3)]! / Math.hypot(...rows.slice(3 * i, 3 * i + 3)),
    );
    const mean = cosines.reduce((sum, cosine) => sum + cosine) / cosines.length;
    expect(results['clip-score']!.value).toBeCloseTo(Math.max(0, 100 * mean), 6);
  });
});

test('a folder becomes a file of statistics of EfficientNet-Lite0', async () => {
  const made = await answerOf('eval', 'stats', one, '--threads=1', '--size=4', '--out', at('one.safetensors'));
  const resize = 'cover-lanczos3-4+pillow-bicubic-224';
  expect(made).toMatchObject({ count: 2, width: 1280, source: { extractor: 'efficientnet-lite0', resize } });
  expect(decodeMoments(readFileSync(at('one.safetensors')), 'one').count).toBe(2);
});

test('files of statistics are compared, and every value has its protocol', async () => {
  for (const [path, folder] of [
    [at('a.safetensors'), a],
    [stats, b],
  ] as const) {
    writeFileSync(path, encodeMoments((await measure(folder, false)).moments));
  }
  const args = ['eval', 'metrics', '--generated', at('a.safetensors'), '--reference', stats, '--out', results];
  const { value, values, results: kept } = (await answerOf(...args)) as unknown as Kept;
  expect(value).toBe(values['frechet-distance']);
  expect(values['frechet-distance']).toBeGreaterThan(0.01);
  expect(kept['frechet-distance']).toMatchObject({ protocol: { extractor: 'firsts', samples: 6 } });
  expect((await runFlowmap(...args)).out).toMatch(
    /^frechet-distance {2}[\d.]+\n {2}frechet-distance extractor=firsts .* n=6 /,
  );
  const same = await runFlowmap('eval', 'compare', results, results);
  expect(same).toMatchObject({ code: 0, out: expect.stringMatching(/^frechet-distance .* = 0/) as string });
});

test('values of different protocols are compared only by force', async () => {
  const { results: kept } = JSON.parse(readFileSync(results, 'utf8')) as Kept;
  kept['frechet-distance']!.protocol.samples = 4;
  const other = at('other.json');
  writeFileSync(other, JSON.stringify({ results: kept }));
  const refused = await runFlowmap('eval', 'compare', results, other);
  expect(refused).toMatchObject({
    code: 1,
    error: expect.stringContaining('the protocols differ in samples') as string,
  });
  const forced = await runFlowmap('eval', 'compare', results, other, '--force');
  expect(forced).toMatchObject({ code: 0, out: expect.stringContaining('measured differently: samples') as string });
});

test('a page has what a run left, and results of one protocol side by side', async () => {
  const run = at('run');
  mkdirSync(run);
  const objective = { name: 'ayf-emd', c: 0.1 };
  const settings = { iterations: 20, batchSize: 8, seed: 3, objective, data: { name: 'photos', shape: [3, 4, 4] } };
  writeFileSync(join(run, 'config.json'), JSON.stringify({ kind: 'flowMap', run: settings }));
  const records = [10, 15].map((step) => JSON.stringify({ step, loss: 1, tangentNorm: 1 / step, learningRate: 1e-4 }));
  writeFileSync(join(run, 'log.jsonl'), `${records.join('\n')}\n{"step":`);
  const page = join(run, 'report.html');
  expect(await answerOf('eval', 'report', run, '--results', `${results},${at('other.json')}`)).toEqual({
    ...{ out: page, sections: ['How it learned', 'The run', 'Results'] },
  });
  const html = readFileSync(page, 'utf8');
  for (const text of ['Trained by AYF-EMD', 'c 0.1', '15 of 20, not finished', 'photos', 'n=4', 'n=6']) {
    expect(html).toContain(text);
  }
  expect(html.match(/<svg/g)).toHaveLength(2); // the tangent's norm and the learning rate
  expect(html.match(/<td[^>]*>–/g)).toHaveLength(2); // other.json was measured with other numbers of samples
  await answerOf('eval', 'report', results);
  expect(readFileSync(at('results.html'), 'utf8')).toContain('frechet-distance');
});

test('a page knows every objective, what was evaluated in training, and a finetuning', async () => {
  const objectives = [
    [ayfEmd({ teacher: false }), 'along the path of the data'],
    [velocityAnchor(ayfLmd(), { batch: { weight: 0.5 } }), 'Trained by AYF-LMD'],
    [velocityAnchor(ayfLmd(), { share: 0.25 }), 'A share of 0.25 of the batch holds'],
    [teacherTrajectories(ayfEmd(), { steps: 3 }), '3 steps of heun from noise'],
    [flowMatching(), 'Trained by flow matching'],
  ] as const;
  for (const [{ name, config, about }, words] of objectives) {
    const described = await describedObjective({ name, ...config });
    expect(described).toMatchObject({ name, config, about: { metrics: about!.metrics } });
    expect(`Trained by ${described.about!.title}. ${described.about!.text}`).toContain(words);
  }
  expect(await describedObjective({ name: 'mine', c: 1 })).toEqual({ name: 'mine', config: { c: 1 } });

  const run = at('run');
  const write = (folder: string, records: readonly object[]): void => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'log.jsonl'), records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  };
  write(run, [
    { step: 1, tangentNorm: 2 },
    { step: 2, tangentNorm: 1, 'distance.1': 40, 'distance.4': 30 },
    { step: 3, tangentNorm: 1, 'distance.1': 35, 'distance.4': 31 },
  ]);
  const logits = { 'discriminator.real': 1, 'discriminator.fake': 0.5, 'discriminator.gap': 0.5 };
  const judged = [1, 2].map((step) => ({ step, ...logits, loss: 2 }));
  write(join(run, 'finetuning'), judged);
  const { sections } = await answerOf('eval', 'report', run);
  const finetuned = 'How the student was finetuned';
  expect(sections).toEqual(['How it learned', 'How its samples improved', finetuned, 'The run']);
  const html = readFileSync(join(run, 'report.html'), 'utf8');
  expect(html).toMatch(/Distance, 4 steps<\/th>\s*<td[^>]*>30<\/td>\s*<td[^>]*>2<\/td>\s*<td[^>]*>31<\/td>/);
  expect(html).toContain('<title>1 step, training step 3: 35</title>');
  expect(html).toContain('the discriminator&#39;s means');
  expect(await answerOf('eval', 'report', join(run, 'finetuning'))).toMatchObject({ sections: [finetuned] });
});

describe('what is refused with one line, and writes nothing', () => {
  beforeAll(() => {
    writeFileSync(at('b.npz'), '');
    const whole = momentsToNpz(decodeMoments(readFileSync(stats), stats).moments());
    writeFileSync(at('cut.npz'), whole.subarray(0, whole.length - 40));
    const names = Array.from({ length: 6 }, (_, i) => `${i}.png`);
    writeFileSync(at('captions.json'), JSON.stringify(Object.fromEntries(names.map((name) => [name, 'noise']))));
    writeFileSync(at('few.json'), JSON.stringify({ '0.png': 'noise', '5.png': 'noise' }));
    writeFileSync(at('list.json'), JSON.stringify(['noise']));
  });
  const against = (reference: string, ...more: string[]): string[] => [
    ...['eval', 'metrics', '--generated', a, '--reference', reference],
    ...more,
  ];
  const scored = (captions: string): string[] => [
    ...['eval', 'metrics', '--generated', a, '--metrics=clip-score', '--captions', at(captions)],
  ];
  test.each([
    ['a missing folder', against(at('none')), 'none: there is no such file or folder'],
    ['a file of another kind', against(join(a, '0.png')), 'is neither a folder of images nor a file of statistics'],
    ['statistics where features are needed', against(stats, '--metrics=frechet,pr'), 'pr need images, and '],
    ['a .npz file of unknown count', against(at('b.npz')), '--npz-count: '],
    ['statistics of statistics', ['eval', 'stats', stats], 'images: wanted a folder of images'],
    [
      'statistics as a picture',
      ['eval', 'stats', a, '--out=x.png'],
      "wanted FILE.safetensors or FILE.npz, got 'x.png'",
    ],
    ['what are no results', ['eval', 'compare', results, join(a, '0.png')], '0.png'],
    [
      'FID without its weights',
      ['eval', 'fid', a, b],
      'inception needs this file; run `npx flowmap weights inception`',
    ],
    [
      'DINOv2 without its weights',
      against(b, '--extractor=dinov2'),
      'run `npx flowmap weights dinov2`, or fetch it from',
    ],
    [
      'FID of other features',
      against(b, '--metrics=fid,is', '--extractor=dinov2'),
      'fid, is are of inception, got dinov2',
    ],
    [
      'FID of statistics of others',
      ['eval', 'fid', stats, stats],
      'got those of firsts; their distance is `--metrics fr',
    ],
    ['no reference', ['eval', 'metrics', '--generated', a, '--metrics=is,fid'], '--reference: fid need'],
    ['a report of no run', ['eval', 'report', a], 'is not the folder of a run: it has no config.json and no log'],
    ['a report of no results', ['eval', 'report', join(a, '0.png')], '0.png'],
    ['a score of statistics', ['eval', 'metrics', '--generated', stats, '--metrics=is'], '--generated: is need images'],
    ['CLIP without its merges', scored('captions.json'), 'clip needs this file; run `npx flowmap weights clip`, or'],
    ['images without captions', scored('few.json'), 'few.json has no caption of 1.png and 3 more; names are'],
    ['captions of another form', scored('list.json'), '--captions: wanted a JSON object of texts'],
    ['no captions', ['eval', 'metrics', '--generated', a, '--metrics=clip-score'], '--captions: clip-score needs a'],
    ['captions of no use', against(b, '--captions', at('few.json')), '--captions: only clip-score reads captions'],
    [
      'subsets of no use',
      against(b, '--subset-size=9'),
      '--subset-size: has no effect on frechet; only kernel, kid read',
    ],
    ['a seed of no use', against(b, '--metrics=pr,fid', '--seed=0'), '--seed: has no effect on pr, fid; only kernel'],
    ['a network of no use', against(b, '--clip=clip'), '--clip: has no effect on frechet; only clip-score reads it'],
    [
      'a convention of no use',
      against(b, '--convention=clean-fid'),
      '--convention: has no effect on the features of eff',
    ],
    [
      'statistics of another',
      ['eval', 'stats', a, '--output=spatial'],
      '--output: has no effect on the features of effi',
    ],
    ['a count of no use', ['eval', 'fid', a, b, '--npz-count=9'], '--npz-count: has no effect without a .npz file'],
    ['too few images', against(b, '--metrics=frechet,kernel'), 'kernel: wanted at least 1000 generated samples, got 6'],
    [
      'a score of few images',
      ['eval', 'metrics', '--generated', a, '--metrics=is'],
      'is: wanted at least 10 generated',
    ],
    ['a .npz file cut off', against(at('cut.npz'), '--npz-count=9'), 'cut.npz: '],
    ['what is no .npz file', against(at('b.npz'), '--npz-count=9'), 'b.npz: '],
  ] as const)('%s', async (_, args, message) => {
    const before = readdirSync(scratch);
    const refused = await runFlowmap(...args);
    expect(refused).toMatchObject({ code: 1, error: expect.stringContaining(message) as string });
    expect(refused.error).toMatch(/^error: [^\n]+\n$/);
    expect(readdirSync(scratch)).toEqual(before);
  });
});

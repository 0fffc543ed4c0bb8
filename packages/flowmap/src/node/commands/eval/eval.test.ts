import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeMoments, encodeMoments, opaqueExtractor, precisionRecall } from '@flowmap/eval';
import { folderMoments } from '@flowmap/eval/node';
import { hostTensor } from '@flowmap/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeNoise } from '../../__fixtures__/material.js';
import { answerOf, runFlowmap } from '../../__fixtures__/run-flowmap.js';
import { resultsOf } from './metrics.js';
import { resultLines } from './results.js';
import { openSamples, type Measured, type SamplesOptions } from './samples.js';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-eval-command-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const at = (name: string): string => join(scratch, name);
const [a, b, one, stats, results] = [at('a'), at('b'), at('one'), at('b.safetensors'), at('results.json')];

beforeAll(async () => {
  for (let i = 0; i < 6; i++) {
    await writeNoise(join(a, `${i}.png`), 4);
    await writeNoise(join(b, `${i}.png`), 4);
  }
  await writeNoise(join(one, '1.png'), 4);
  await writeNoise(join(one, '2.png'), 6);
});

/** What is kept of an evaluation. */
interface Kept {
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

const opened = (): Promise<typeof firsts> => Promise.resolve(firsts);
const measure = async (path: string, keep: boolean): Promise<Measured> =>
  (await openSamples(path, plain, talk.signal)).measure(opened, keep, talk);

test('a folder has the moments that folderMoments gives, and its features if they are wanted', async () => {
  const { moments: wanted } = await folderMoments(a, firsts);
  const measured = await measure(a, true);
  expect(measured.moments).toEqual(wanted.moments());
  expect(measured.features).toMatchObject({ count: 6, width: 3, source: firsts.source });
  expect((await measure(a, false)).features).toBeUndefined();
});

test('every metric is measured of the features', async () => {
  const [first, second] = [await measure(a, true), await measure(b, true)];
  const wanted = { metrics: ['frechet', 'kernel', 'pr', 'dc'], subsetSize: 4, seed: 1 } as const;
  const values = await resultsOf(wanted, first, second);
  expect(Object.keys(values)).toEqual([
    ...['frechet-distance', 'kernel-distance', 'precision', 'recall', 'density', 'coverage'],
  ]);
  expect(values['precision']).toEqual(precisionRecall(first.features!, second.features!).precision);
  expect((await resultLines(values)).filter((line) => line.includes('extractor=firsts'))).toHaveLength(6);
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
  const { values, results: kept } = (await answerOf(...args)) as unknown as Kept;
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

describe('what is refused with one line, and writes nothing', () => {
  const against = (reference: string, ...more: string[]): string[] => [
    ...['eval', 'metrics', '--generated', a, '--reference', reference],
    ...more,
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
    ['FID', ['eval', 'fid', a, b], 'needs the Inception network of 2015'],
  ] as const)('%s', async (_, args, message) => {
    writeFileSync(at('b.npz'), '');
    const before = readdirSync(scratch);
    const refused = await runFlowmap(...args);
    expect(refused).toMatchObject({ code: 1, error: expect.stringContaining(message) as string });
    expect(refused.error).toMatch(/^error: [^\n]+\n$/);
    expect(readdirSync(scratch)).toEqual(before);
  });
});

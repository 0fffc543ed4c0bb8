import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dit, type DataReport, type Dataset } from '@flowmap/core';
import { imageDataset } from '@flowmap/data';
import { flowMatching } from '@flowmap/objectives';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { reportData } from '../callbacks/report-data.js';
import type { TrainVelocityFieldOptions } from './options.js';
import { trainVelocityField } from './train.js';

let scratch = '';
beforeAll(async () => (scratch = await mkdtemp(join(tmpdir(), 'flowmap-report-'))));
afterAll(async () => rm(scratch, { recursive: true }));

const images = imageDataset({ name: 'grey', pixels: Uint8Array.of(0, 255, 0, 255, 0, 255, 0, 255), shape: [1, 2, 2] });
/** The images without their scaling, in [0, 1]. */
const unscaled: Dataset = {
  ...images,
  async batch(indices) {
    const { x, conditions } = await images.batch(indices);
    return { x: x.map((value) => (value + 1) / 2), conditions };
  },
};
const line = 'data: 2 samples of [1, 2, 2]; values 0.00 to 1.00, mean 0.50, deviation 0.50';
const warning =
  "the images of 'grey' have values from 0.00 to 1.00, and should fill -1 … 1; is a scale missing, 2 x - 1?";

const training = (out: string, data: Dataset, more: Partial<TrainVelocityFieldOptions> = {}) => ({
  ...{
    runtime: referenceRuntime(),
    data,
    network: dit({ shape: [1, 2, 2], patch: 2, width: 4, depth: 1, heads: 1 }),
    seed: 0,
  },
  ...{ objective: flowMatching(), iterations: 1, batchSize: 2, out: join(scratch, out), ...more },
});

/** What a training notes, and shows on standard error before its first step. */
async function told(options: TrainVelocityFieldOptions): Promise<{ notes: string[]; shown: string[] }> {
  const notes: string[] = [];
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    await trainVelocityField({ ...options, onNote: (note) => notes.push(note) });
    const lines = write.mock.calls.map(([text]) => String(text));
    return { notes, shown: lines.filter((text) => text !== '' && !text.includes('step 1/1')) };
  } finally {
    write.mockRestore();
  }
}

test('a training shows what its data is like, warns of its range, and records both', async () => {
  const { notes, shown } = await told(training('shown', unscaled, { progress: 'lines' }));
  expect(shown).toEqual([`flow-matching: ${line}\n`, `flow-matching: warning: ${warning}\n`]);
  expect(notes).toEqual([warning]);
  const { values } = JSON.parse(await readFile(join(scratch, 'shown/config.json'), 'utf8')) as { values: unknown };
  expect(values).toEqual({ samples: 2, mean: 0.5, deviation: 0.5, min: 0, max: 1 });
});

test('data that fills -1 … 1 is no note', async () => {
  const { notes, shown } = await told(training('good', images, { progress: 'lines' }));
  expect(shown).toEqual([
    'flow-matching: data: 2 samples of [1, 2, 2]; values -1.00 to 1.00, mean 0.00, deviation 1.00\n',
  ]);
  expect(notes).toEqual([]);
});

test('a caller that is told shows it as it likes', async () => {
  const reports: DataReport[] = [];
  const onData = (report: DataReport): number => reports.push(report);
  expect(await told(training('told', unscaled, { onData }))).toEqual({ notes: [warning], shown: [] });
  expect(reports).toMatchObject([{ line, warning, statistics: { min: 0, max: 1 } }]);
  expect(await told(training('quiet', unscaled, { progress: 'none' }))).toEqual({ notes: [warning], shown: [] });
});

test('the loop by itself tells it by a callback before its first step', async () => {
  const reports: DataReport[] = [];
  const callback = reportData(unscaled, (report) => reports.push(report));
  const failing = {
    name: 'failing',
    every: 1,
    prepare: () => Promise.reject(new Error('stop here')),
    run: () => undefined,
  };
  const options = training('loop', images, { callbacks: [callback, failing], progress: 'none' });
  await expect(trainVelocityField(options)).rejects.toThrow('stop here');
  expect(reports).toMatchObject([{ line, warning }]);
  expect(() => reportData((() => unscaled) as never, () => undefined)).toThrow('reportData.data: wanted a dataset');
});

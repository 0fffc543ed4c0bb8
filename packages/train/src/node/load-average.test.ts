import { copyFile, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointError, ConfigError, mlp, type Callback, type Model } from '@flowmap/core';
import { loadModel, saveModel } from '@flowmap/core/node';
import { eightGaussians } from '@flowmap/data';
import { flowMatching } from '@flowmap/objectives';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { snapshots } from '../callbacks/snapshots.js';
import { halflifeEma, powerEma } from '../ema.js';
import { ReconstructionError } from '../errors.js';
import { loadTrained } from './checkpoints.js';
import { openSnapshots } from './kept.js';
import { loadAverage } from './load-average.js';
import type { TrainVelocityFieldOptions } from './options.js';
import { trainVelocityField } from './train.js';

let scratch = '';
let folder = '';
const network = mlp({ shape: [2], classes: 8, width: 4, depth: 1 });
const options = (out: string, more: Partial<TrainVelocityFieldOptions> = {}): TrainVelocityFieldOptions => ({
  runtime: referenceRuntime(),
  data: eightGaussians(),
  network,
  objective: flowMatching(),
  iterations: 64,
  batchSize: 4,
  seed: 0,
  learningRate: 1e-2,
  emaDecay: powerEma(0.05),
  averages: { wide: powerEma(0.1), between: powerEma(0.07), half: halflifeEma(5) },
  checkpointEvery: 10,
  callbacks: [snapshots({ every: 4, averages: ['ema', 'wide'] })],
  progress: 'none',
  out,
  ...more,
});
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'flowmap-averages-'));
  folder = join(scratch, 'run');
  await trainVelocityField(options(folder));
});
afterAll(async () => rm(scratch, { recursive: true }));

const failure = (promise: Promise<unknown>): Promise<unknown> => promise.catch((thrown: unknown) => thrown);

test('a width that was not tracked is loaded from the folder of a run, as it would have been', async () => {
  const made = await loadAverage(folder, { width: 0.07 });
  const tracked = await loadTrained(join(folder, 'checkpoints/0000064'), { average: 'between' });
  expect(made).toMatchObject({ kind: 'velocity', classes: tracked.classes });
  expect(made.training).toMatchObject({ step: 64, averageWidth: 0.07, objective: 'flow-matching' });
  let [apart, others] = [0, 0];
  const wide = await loadTrained(join(folder, 'checkpoints/0000064'), { average: 'wide' });
  for (const [name, { data, shape }] of Object.entries(tracked.params)) {
    expect(made.params[name]!.shape).toEqual(shape);
    data.forEach((value, i) => {
      apart = Math.max(apart, Math.abs(value - made.params[name]!.data[i]!));
      others = Math.max(others, Math.abs(value - wide.params[name]!.data[i]!));
    });
  }
  expect(apart).toBeLessThan(others / 20);
  // It is a model like any other.
  await saveModel(join(scratch, 'made.safetensors'), made);
  expect((await loadModel(join(scratch, 'made.safetensors'))).params).toEqual(made.params);
});

test('a tracked width at a step is the snapshot itself', async () => {
  const made = await loadAverage(folder, { width: 0.1, step: 32, averages: ['wide'] });
  const kept = await loadModel(join(folder, 'kept/snapshot.student.wide.0000032.safetensors'));
  for (const [name, { data }] of Object.entries(kept.params)) {
    data.forEach((value, i) => expect(made.params[name]!.data[i]).toBeCloseTo(value, 7));
  }
});

test('what cannot be loaded is refused in words', async () => {
  const unknown = await failure(loadAverage(folder, { width: 0.07, averages: ['ema', 'half'] }));
  expect(unknown).toBeInstanceOf(ConfigError);
  expect((unknown as Error).message).toContain("no snapshots of 'half'; it has them of ema, wide");
  expect(await failure(loadAverage(folder, { width: 0.07, trainee: 'critic' }))).toBeInstanceOf(ConfigError);
  expect(await failure(loadAverage(folder, { width: 0.4 }))).toBeInstanceOf(ConfigError);
  expect(await failure(loadAverage(folder, { width: 0.07, averages: ['ema'] }))).toBeInstanceOf(ReconstructionError);
  expect(await failure(loadAverage(folder, { width: 0.07, step: 128 }))).toBeInstanceOf(ReconstructionError);
  await expect(loadAverage(folder, { width: 0.07, averages: ['ema'], maxResidual: 0.9 })).resolves.toBeDefined();
  const empty = await failure(loadAverage(join(scratch, 'nothing'), { width: 0.07 }));
  expect(empty).toBeInstanceOf(CheckpointError);
  expect((empty as Error).message).toContain('has no snapshots');
});

test('damaged and foreign snapshots are refused by their file', async () => {
  const run = join(scratch, 'damaged');
  const kept = join(run, 'kept');
  const name = (step: number): string =>
    join(kept, `snapshot.student.ema.${String(step).padStart(7, '0')}.safetensors`);
  const wider = mlp({ shape: [2], classes: 8, width: 5, depth: 1 });
  await trainVelocityField(options(run, { network: wider, iterations: 8 }));
  for (const file of await readdir(join(folder, 'kept'))) {
    if (file.endsWith('0000064.safetensors')) await copyFile(join(folder, 'kept', file), join(kept, file));
  }
  const foreign = await failure(loadAverage(run, { width: 0.05 }));
  expect(foreign).toBeInstanceOf(CheckpointError);
  expect((foreign as Error).message).toContain('is of another run than');
  // Snapshots of earlier versions do not name their run.
  const config = JSON.parse(await readFile(join(run, 'config.json'), 'utf8')) as object;
  await writeFile(join(run, 'config.json'), JSON.stringify({ ...config, id: undefined }));
  expect(String(await failure(loadAverage(run, { width: 0.05 })))).toContain('is of another network');

  const bytes = await readFile(name(8));
  bytes[bytes.length - 1]! ^= 1;
  await writeFile(name(8), bytes);
  const others = ['ema', 'wide'].map((average) => join(kept, `snapshot.student.${average}.0000064.safetensors`));
  await Promise.all(others.map((path) => rm(path)));
  expect(String(await failure(loadAverage(run, { width: 0.05 })))).toContain(`${name(8)}: tensor`);
  await expect(loadAverage(run, { width: 0.05, maxResidual: 0.9 }, { verify: false })).resolves.toBeDefined();

  await truncate(name(8), 700);
  expect(await failure(openSnapshots(run))).toMatchObject({ source: name(8) });
  await rename(name(4), name(8));
  expect((await failure(openSnapshots(run))) as Error).toMatchObject({ source: name(8) });
  await saveModel(name(8), await loadModel(join(run, 'teacher.safetensors')));
  expect(String(await failure(openSnapshots(run)))).toContain('does not say which average');
});

test('a run that is stopped and goes on ends with the same snapshots, and without those of a run before it', async () => {
  const run = join(scratch, 'stopped');
  const early: Callback = { name: 'broken', every: 6, run: () => Promise.reject(new Error('no power')) };
  const callbacks = [snapshots({ every: 4, averages: ['ema', 'wide'] })];
  // Stopped before its first checkpoint, with other settings, which leaves snapshots of steps 3 and 6.
  const other = [snapshots({ every: 3, averages: ['ema'] }), early];
  expect(String(await failure(trainVelocityField(options(run, { seed: 1, callbacks: other }))))).toContain('no power');
  const left = `${'0'.repeat(8)}-0000-0000-0000-000000000000.tmp`;
  await writeFile(join(run, 'kept', `snapshot.student.ema.0000003.safetensors.${left}`), 'half');
  expect(await readdir(join(run, 'kept'))).toHaveLength(3);
  const late: Callback = { ...early, every: 18 };
  const broken = options(run, { callbacks: [...callbacks, late] });
  expect(String(await failure(trainVelocityField(broken)))).toContain('no power');
  await trainVelocityField(options(run, { callbacks }));
  const files = (await readdir(join(folder, 'kept'))).sort();
  expect((await readdir(join(run, 'kept'))).sort()).toEqual(files);
  for (const file of files) {
    const [there, here] = await Promise.all([folder, run].map((of) => loadModel(join(of, 'kept', file))));
    expect(here!.params).toEqual(there!.params);
    const named = (training: Model['training']) => ({ ...(training!['snapshot'] as object), run: 'its own' });
    expect({ ...here!.training, snapshot: named(here!.training) }).toEqual({
      ...there!.training,
      snapshot: named(there!.training),
    });
  }
});

import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointError, ConfigError, FolderInUseError, loader, type Callback } from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor } from '@flowmap/tensor';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { batchSize, data, discriminatorPhase, generatorPhase, trainees } from '../__fixtures__/gan.js';
import { checkpoints } from '../callbacks/checkpoints.js';
import { logging } from '../callbacks/logging.js';
import { train } from '../train.js';
import type { TrainingOptions } from '../training-options.js';
import { openFolderStore } from './folder-store.js';

let scratch = '';
let count = 0;
beforeAll(async () => (scratch = await mkdtemp(join(tmpdir(), 'flowmap-store-'))));
afterAll(async () => rm(scratch, { recursive: true }));
const fresh = (): string => join(scratch, String(count++));

const options = (more: Partial<TrainingOptions>): TrainingOptions => ({
  runtime: referenceRuntime(),
  trainees,
  phases: [discriminatorPhase, generatorPhase],
  batches: loader(data, { batchSize, seed: 0 }),
  iterations: 9,
  callbacks: [logging(1), checkpoints(2)],
  ...more,
});
/** A record without its timings. */
const numbers = (records: readonly Record<string, number>[]): Record<string, number>[] =>
  records.map(({ seconds: _, imagesPerSecond: __, ...rest }) => rest);

test('a training of two trainees that ended between two checkpoints goes on from its folder, to the bit', async () => {
  const uninterrupted = await openFolderStore(fresh(), trainees);
  await train(options({ store: uninterrupted })).finally(() => uninterrupted.close());
  const whole = await openFolderStore(uninterrupted.folder, trainees);
  whole.close();
  const folder = fresh();
  const failing: Callback = {
    name: 'failing',
    every: 1,
    run: ({ step }) => (step === 5 ? Promise.reject(new Error('no power')) : undefined),
  };
  const first = await openFolderStore(folder, trainees);
  expect(first).toMatchObject({ folder, from: undefined, records: [] });
  await expect(openFolderStore(folder, trainees)).rejects.toBeInstanceOf(FolderInUseError);
  const failed = train(options({ store: first, callbacks: [logging(1), checkpoints(2), failing] }));
  await expect(failed.finally(() => first.close())).rejects.toThrow('no power');

  const second = await openFolderStore(folder, trainees);
  expect(second.from?.step).toBe(4);
  expect(second.records.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
  await train(options({ store: second })).finally(() => second.close());
  expect((await readdir(folder)).sort()).toEqual(['checkpoints', 'latest', 'log.jsonl']);

  const third = await openFolderStore(folder, trainees);
  expect(third.from!.step).toBe(9);
  expect(third.from!.state).toEqual(whole.from!.state);
  expect(numbers(third.records)).toEqual(numbers(whole.records));
  expect(third.records).toHaveLength(9);
  third.close();
});

test('a folder that is no place for it, or has a checkpoint of other trainees, is refused and let go', async () => {
  const taken = fresh();
  const store = await openFolderStore(taken, trainees);
  await train(options({ store, iterations: 2 })).finally(() => store.close());
  const { generator, discriminator } = trainees;
  const other = { generator, critic: discriminator };
  const error = await openFolderStore(taken, other).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(CheckpointError);
  expect(error).toMatchObject({ tensor: 'critic.params.in' });
  const wider = {
    generator,
    discriminator: {
      ...discriminator,
      parameters: { ...discriminator.parameters, bias: { shape: [1, 9], dtype: 'float32' as const } },
      initial: { ...discriminator.initial, bias: hostTensor([1, 9], new Float32Array(9)) },
    },
  };
  await expect(openFolderStore(taken, wider)).rejects.toThrow('discriminator.params.bias');
  (await openFolderStore(taken, trainees)).close();

  await writeFile(join(taken, 'config.json'), '{}');
  await expect(openFolderStore(taken, trainees)).rejects.toBeInstanceOf(ConfigError);
  expect(await readdir(taken)).not.toContain('lock');
});

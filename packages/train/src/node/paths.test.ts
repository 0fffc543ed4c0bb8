import { mkdtemp, mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { ConfigError, FolderInUseError } from '@flowmap/core';
import { lockFolder } from '@flowmap/core/node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { shortTraining } from './__fixtures__/short-training.js';
import { trainVelocityField } from './train.js';

let scratch = '';
beforeAll(async () => (scratch = await mkdtemp(join(tmpdir(), 'flowmap-paths-'))));
afterAll(async () => rm(scratch, { recursive: true }));

test('links and relative paths lead to the same run, which one process holds', async () => {
  const whole = await trainVelocityField(shortTraining(join(scratch, 'whole')));
  const [folder, link] = [join(scratch, 'a folder'), join(scratch, 'link')];
  await mkdir(folder);
  await symlink('a folder', link);
  const stop = new AbortController();
  const stopped = shortTraining(`${link}/run/`, { signal: stop.signal, onLog: () => stop.abort() });
  expect(await trainVelocityField(stopped)).toMatchObject({ completed: false, step: 1 });

  const lock = lockFolder(join(folder, 'run'));
  await expect(trainVelocityField(shortTraining(join(link, 'run')))).rejects.toBeInstanceOf(FolderInUseError);
  lock.release();
  const out = relative(process.cwd(), join(folder, '..', 'a folder', 'run'));
  const resumed = await trainVelocityField(shortTraining(out));
  expect(resumed).toMatchObject({ completed: true, folder: out });
  expect(resumed.model.params).toEqual(whole.model.params);
  expect(await readdir(folder)).toEqual(['run']);
});

test.each(['r\ufffdn', 'r\ud800n'])('a path that is not UTF-8 is refused as such: %j', async (name) => {
  const run = trainVelocityField(shortTraining(join(scratch, name)));
  await expect(run).rejects.toBeInstanceOf(ConfigError);
  await expect(run).rejects.toThrow(/out: wanted a path in UTF-8/);
});

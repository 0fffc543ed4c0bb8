import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleScript } from '@flowmap/contract/bundle-script';
import { FolderInUseError, mlp } from '@flowmap/core';
import { checkerboard } from '@flowmap/data';
import { flowMatching } from '@flowmap/objectives';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TrainVelocityFieldOptions } from './options.js';
import { trainVelocityField } from './train.js';

let scratch = '';
let count = 0;
let script = '';
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'flowmap-processes-'));
  script = await bundleScript(join(import.meta.dirname, '__fixtures__', 'train-in-child.ts'));
});
afterAll(async () => rm(scratch, { recursive: true }));
const fresh = (): string => join(scratch, String(count++));

/** The run of the child process. */
const training = (out: string, more: Partial<TrainVelocityFieldOptions> = {}): TrainVelocityFieldOptions => ({
  runtime: referenceRuntime(),
  data: checkerboard(),
  network: mlp({ shape: [2], width: 8, depth: 1 }),
  objective: flowMatching(),
  iterations: 12,
  batchSize: 8,
  seed: 3,
  checkpointEvery: 5,
  logEvery: 1,
  progress: 'none',
  out,
  ...more,
});

/** Starts a process that trains to its end or until it pauses. */
async function start(out: string, pause?: number): Promise<{ child: ChildProcess; said: unknown }> {
  const args = [out, ...(pause === undefined ? [] : [String(pause)])];
  const child = fork(script, args, { execArgv: [], silent: true });
  const [said] = (await once(child, 'message')) as [unknown];
  return { child, said };
}

/** Lets a paused process continue to its end. */
async function finish(child: ChildProcess): Promise<{ said: unknown; code: unknown }> {
  let said: unknown;
  child.once('message', (message) => (said = message));
  child.send('go on');
  const [code] = (await once(child, 'exit')) as [unknown];
  return { said, code };
}

test('a second process in a folder is refused and told of the first, which is not disturbed', async () => {
  const out = fresh();
  const first = await start(out, 8);
  expect(first.said).toBe('paused');
  const config = await readFile(join(out, 'config.json'), 'utf8');

  const second = await start(out);
  const message = expect.stringContaining(`${out} is in use by process ${first.child.pid} `) as string;
  expect(second.said).toMatchObject({ error: 'FolderInUseError', message });
  // A run with other settings gets the same error and writes nothing.
  await expect(trainVelocityField(training(out, { seed: 4 }))).rejects.toThrow(FolderInUseError);
  expect(await readFile(join(out, 'config.json'), 'utf8')).toBe(config);

  expect(await finish(first.child)).toMatchObject({ said: { completed: true, step: 12 }, code: 0 });
  const whole = await trainVelocityField(training(fresh()));
  const result = (folder: string): Promise<Buffer> => readFile(join(folder, 'teacher.safetensors'));
  expect((await result(out)).equals(await result(whole.folder))).toBe(true);
  expect(await readdir(out)).not.toContain('lock');
});

test('what a killed process leaves does not keep the next from going on', async () => {
  const out = fresh();
  const { child } = await start(out, 8);
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
  expect(await readdir(out)).toContain('lock');
  await writeFile(join(out, 'latest.0b6f2bd5-6d6c-4c55-8b0c-1f4f0fd2a3ce.tmp'), 'half');

  const steps: number[] = [];
  const resumed = await trainVelocityField(training(out, { onLog: ({ step }) => steps.push(step) }));
  expect(resumed).toMatchObject({ folder: out, completed: true });
  expect(steps).toEqual([6, 7, 8, 9, 10, 11, 12]);
  expect((await readdir(out)).sort()).toEqual([
    'checkpoints',
    'config.json',
    'latest',
    'log.jsonl',
    'teacher.safetensors',
  ]);
});

test('a run that is aborted, or fails, lets its folder go', async () => {
  const out = fresh();
  await trainVelocityField(training(out, { signal: AbortSignal.abort() }));
  expect(await readdir(out)).not.toContain('lock');
  const failing = trainVelocityField(training(out, { seed: 4 }));
  await expect(failing).rejects.toThrow('seed: 3 there, 4 now');
  expect(await readdir(out)).not.toContain('lock');
});

test('a pipe that nobody reads any more does not end training', async () => {
  const out = fresh();
  const { child } = await start(out, 3);
  child.stdout!.destroy();
  child.stderr!.destroy();
  // The rest of its output went to nobody, and none of our listeners is left at the end.
  expect(await finish(child)).toEqual({ said: { completed: true, step: 12, listeners: 0 }, code: 0 });
  expect(await readdir(out)).toContain('teacher.safetensors');
});

test('a runtime that never waits lets the process see what happens between two runs of steps', async () => {
  const controller = new AbortController();
  const onLog = (): void => void setImmediate(() => controller.abort()); // outside of any promise, like a signal
  const every = { iterations: 2000, logEvery: 2000, checkpointEvery: 2000 };
  const { step } = await trainVelocityField(training(fresh(), { ...every, onLog, signal: controller.signal }));
  expect(step).toBe(1);
});

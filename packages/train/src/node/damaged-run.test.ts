import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointError, decodeSafetensors, encodeSafetensors, mlp, type FlowmapError } from '@flowmap/core';
import { hostTensor, type HostTensors } from '@flowmap/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RunMismatchError } from '../errors.js';
import { shortTraining } from './__fixtures__/short-training.js';
import { trainVelocityField } from './train.js';

let scratch = '';
let whole = '';
let count = 0;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'flowmap-damaged-'));
  whole = join(scratch, 'whole');
  const stop = new AbortController();
  await trainVelocityField(
    shortTraining(whole, { signal: stop.signal, onLog: ({ step }) => (step === 2 ? stop.abort() : undefined) }),
  );
});
afterAll(async () => rm(scratch, { recursive: true }));

/** What resuming a copy of the unfinished run throws after one of its files was replaced. */
async function resumed(file: string, content: string | Uint8Array, more = {}): Promise<unknown> {
  const out = join(scratch, String(count++));
  await cp(whole, out, { recursive: true });
  if (content === 'folder') {
    await rm(join(out, file));
    await mkdir(join(out, file));
  } else {
    await writeFile(join(out, file), content);
  }
  return trainVelocityField(shortTraining(out, more)).catch((thrown: unknown) => thrown);
}

/** The same in a run of an earlier version, whose checkpoints have no checksums. */
async function resumedBefore(file: string, content: string | Uint8Array): Promise<unknown> {
  const now = whole;
  whole = join(scratch, String(count++));
  await cp(now, whole, { recursive: true });
  await writeFile(join(whole, 'checkpoints/0000002/state.json'), '{"version":2,"step":2,"seconds":1}');
  const config = JSON.parse(await readFile(join(whole, 'config.json'), 'utf8')) as object;
  await writeFile(join(whole, 'config.json'), JSON.stringify({ ...config, id: undefined }));
  return resumed(file, content).finally(() => (whole = now));
}

const state = 'checkpoints/0000002/state.safetensors';
const changed = async (change: (tensors: Record<string, HostTensors[string]>) => void): Promise<Uint8Array> => {
  const tensors = { ...decodeSafetensors(await readFile(join(whole, state)), state).tensors };
  change(tensors);
  return encodeSafetensors(tensors);
};
const deep = `{"version":1,"config":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;

describe('a run with a hostile file is refused, naming it', () => {
  test.each<[string, string, string, RegExp, string | undefined]>([
    ['settings that are deep', 'config.json', deep, /nested more than 64 deep/, 'maxNesting'],
    ['settings of 5 MiB', 'config.json', `"${'x'.repeat(5 * 2 ** 20)}"`, /the limit maxHeaderBytes/, 'maxHeaderBytes'],
    [
      'settings with a key twice',
      'config.json',
      '{"version":1,"version":1}',
      /gives the key "version" twice/,
      undefined,
    ],
    ['settings of another version', 'config.json', '{"version":3}', /is damaged \(.* at "version"\)/, undefined],
    ['settings that are a folder', 'config.json', 'folder', /cannot be read: it is not a file/, undefined],
    ['a pointer that is a folder', 'latest', 'folder', /cannot be read: it is not a file/, undefined],
    ['a pointer that leads away', 'latest', '../../etc\u001b[2J\n', /got "..\/..\/etc\\u001b\[2J"/, undefined],
    ['a pointer of a thousand letters', 'latest', 'x'.repeat(1000), /got "x{79}…$/, undefined],
    [
      'a pointer of a thousand digits',
      'latest',
      '1'.repeat(1000),
      /wanted the name of a checkpoint, got "1{79}…$/,
      undefined,
    ],
    ['a log that is a folder', 'log.jsonl', 'folder', /log.jsonl: cannot be read: it is not a file/, undefined],
    [
      'a progress that is no number',
      'checkpoints/0000002/state.json',
      '{"version":1,"step":1e999}',
      /"step"/,
      undefined,
    ],
    ['a progress of another step', 'checkpoints/0000002/state.json', '{"version":2,"step":5,"seconds":0}', /is of step 5, in the folder of another/, undefined], // prettier-ignore
    ['a state that is a folder', state, 'folder', /state.safetensors: cannot be read \(EISDIR/, undefined],
  ])('%s', async (_, file, content, message, limit) => {
    const error = await resumed(file, content);
    expect(error).toBeInstanceOf(CheckpointError);
    expect(error).toMatchObject({ message: expect.stringMatching(message) as unknown, limit });
    expect((error as CheckpointError).source).toContain(file.split('/')[0]);
  });

  test('a state that lacks a tensor, has one too many, or one of another shape', async () => {
    const lacking = await changed((tensors) => Reflect.deleteProperty(tensors, 'student.m.input.bias'));
    expect(await resumedBefore(state, lacking)).toMatchObject({
      name: 'CheckpointError',
      tensor: 'student.m.input.bias',
    });
    const foreign = await changed((tensors) => (tensors['student.params.other'] = hostTensor([4], [1, 1, 1, 1])));
    expect(await resumedBefore(state, foreign)).toMatchObject({
      name: 'CheckpointError',
      tensor: 'student.params.other',
    });
    const other = await changed((tensors) => (tensors['student.v.input.bias'] = hostTensor([3], [1, 1, 1])));
    expect(await resumedBefore(state, other)).toMatchObject({
      message: expect.stringMatching(/wanted "student.v.input.bias" as float32 \[4\], got float32 \[3\]$/) as unknown,
    });
  });

  test('a model of another network', async () => {
    const other = mlp({ shape: [2], width: 8, depth: 1 });
    const out = join(scratch, 'other');
    await trainVelocityField(shortTraining(out, { network: other }));
    const error = await resumedBefore(state, await readFile(join(out, 'checkpoints/0000004/state.safetensors')));
    expect(error).toMatchObject({
      name: 'CheckpointError',
      message: expect.stringMatching(/state.safetensors: wanted "/) as unknown,
    });
  });
});

test('other settings are told in words that are cut and printable', async () => {
  const config = JSON.parse(await readFile(join(whole, 'config.json'), 'utf8')) as { run: Record<string, unknown> };
  config.run['\u001b[2J\n'] = 'x'.repeat(10_000);
  const error = await resumed('config.json', JSON.stringify(config));
  expect(error).toBeInstanceOf(RunMismatchError);
  expect((error as FlowmapError).message).toMatch(/\(\\u001b\[2J\\n: "x{199}… there, nothing now\)/);
});

test('of many other settings the first are told', () => {
  const differences = Array.from({ length: 10 }, (_, i) => `k${i}: 0 there, 1 now`);
  const { message } = new RunMismatchError('run', differences);
  expect(message).toContain('k7: 0 there, 1 now; and 2 more)');
  expect(message).not.toContain('k8');
  expect(new RunMismatchError('run', differences.slice(0, 8)).message).toContain('k7: 0 there, 1 now)');
});

test('lines of a log that are not records are left out, and limits can be raised', async () => {
  const log = await readFile(join(whole, 'log.jsonl'), 'utf8');
  const result = await resumed('log.jsonl', `${'['.repeat(100_000)}\n${log}{"step":\n`);
  expect(result).toMatchObject({ completed: true, step: 4, log: { length: 4 } });
  expect(await resumed('latest', '0000002', { limits: { maxHeaderBytes: 8 } })).toMatchObject({
    name: 'CheckpointError',
    limit: 'maxHeaderBytes',
  });
});

import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointError, ConfigError, decodeSafetensors, encodeSafetensors, WriteError } from '@flowmap/core';
import { hostTensor, type HostTensors } from '@flowmap/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shortTraining } from './__fixtures__/short-training.js';
import type { TrainResult, TrainVelocityFieldOptions } from './options.js';
import { trainVelocityField } from './train.js';

let scratch = '';
let count = 0;
const fresh = (): string => join(scratch, String(count++));
const training = (out: string, more: Partial<TrainVelocityFieldOptions> = {}): TrainVelocityFieldOptions =>
  shortTraining(out, { iterations: 6, ...more });

/** A run that was stopped after step 4, with checkpoints of steps 2 and 4; another one; and the run to its end. */
let stopped = '';
let other = '';
let whole: TrainResult;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'flowmap-mixed-'));
  const stop = async (more: Partial<TrainVelocityFieldOptions>): Promise<string> => {
    const { signal, abort } = abortable();
    const { folder } = await trainVelocityField(
      training(fresh(), { ...more, signal, onLog: ({ step }) => (step === 4 ? abort() : undefined) }),
    );
    return folder;
  };
  whole = await trainVelocityField(training(fresh()));
  stopped = await stop({});
  other = await stop({ seed: 1 });
});
afterAll(async () => rm(scratch, { recursive: true }));

function abortable(): { readonly signal: AbortSignal; readonly abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

/** What continuing a copy of the stopped run returns or throws after a change to its files, and its notes. */
async function goingOn(
  change: (out: string) => Promise<unknown>,
): Promise<{ got: unknown; notes: string[]; out: string }> {
  const out = fresh();
  await cp(stopped, out, { recursive: true });
  await change(out);
  const notes: string[] = [];
  const onNote = (note: string): number => notes.push(note);
  const got = await trainVelocityField(training(out, { onNote })).catch((thrown: unknown) => thrown);
  return { got, notes, out };
}

/** Continuing passes over checkpoint 4 and keeps it; without checkpoint 2 it is refused, and nothing is changed. */
async function expectNoticed(change: (out: string) => Promise<unknown>, message: RegExp): Promise<void> {
  const { notes, out } = await expectWhole(change);
  expect(notes[0]).toBe('latest names 0000004, which is damaged; goes on from the newest whole checkpoint, 0000002');
  expect(notes[1]).toMatch(message);
  expect(await readdir(join(out, 'checkpoints'))).toContain('0000004.damaged');
  await expectRefused(change, message);
}

async function expectRefused(change: (out: string) => Promise<unknown>, message: RegExp): Promise<void> {
  const { got, out } = await goingOn(async (path) => {
    await change(path);
    await rm(join(path, 'checkpoints/0000002'), { recursive: true });
  });
  expect(got).toBeInstanceOf(CheckpointError);
  expect((got as Error).message).toMatch(message);
  expect((await readdir(out)).sort()).toEqual(['checkpoints', 'config.json', 'latest', 'log.jsonl']);
  expect(await readdir(join(out, 'checkpoints'))).toEqual(['0000004']);
}

async function expectWhole(change: (out: string) => Promise<unknown>): Promise<{ notes: string[]; out: string }> {
  const { got, notes, out } = await goingOn(change);
  expect(got).toMatchObject({ completed: true, step: 6, folder: out });
  expect((got as TrainResult).model.params).toEqual(whole.model.params);
  return { notes, out };
}

const CHECKPOINT = 'checkpoints/0000004';
const STATE = `${CHECKPOINT}/state.safetensors`;
const flipped = async (path: string, at: number): Promise<void> => {
  const bytes = await readFile(path);
  bytes[at < 0 ? bytes.length + at : at]! ^= 1;
  await writeFile(path, bytes);
};

test('a run that nobody touched goes on without a note', async () => {
  expect((await expectWhole(() => Promise.resolve())).notes).toEqual([]);
});

describe('a checkpoint is noticed', () => {
  const unfit = /is damaged, or of another checkpoint: its checksum does not fit/;
  test.each([
    ['of another run, and refused', CHECKPOINT, /state.json: is of another run than/],
    ['with the settings of another run, and refused', 'config.json', /other settings|is of another run/],
  ])('%s', async (_, part, message) => {
    const { got } = await goingOn((out) => cp(join(other, part), join(out, part), { recursive: true }));
    expect((got as Error).message).toMatch(message);
  });

  test.each([STATE, `${CHECKPOINT}/state.json`])('with the %s of another run', async (part) => {
    await expectNoticed((out) => cp(join(other, part), join(out, part)), unfit);
  });

  test('with the state of another step', async () => {
    await expectNoticed((out) => cp(join(out, 'checkpoints/0000002/state.safetensors'), join(out, STATE)), unfit);
    const earlier = 'checkpoints/0000002/state.json';
    await expectNoticed(
      (out) => cp(join(out, earlier), join(out, CHECKPOINT, 'state.json')),
      /is of step 2, in the folder of another step/,
    );
  });

  test('with model and average exchanged, or an empty optimizer', async () => {
    const changed = (change: (tensors: Record<string, HostTensors[string]>) => void) => async (out: string) => {
      const { tensors, metadata } = decodeSafetensors(await readFile(join(out, STATE)), STATE);
      const copy = { ...tensors };
      change(copy);
      await writeFile(join(out, STATE), encodeSafetensors(copy, metadata));
    };
    const exchange = (tensors: Record<string, HostTensors[string]>): void => {
      for (const name of Object.keys(tensors).filter((key) => key.startsWith('student.params.'))) {
        const average = name.replace('.params.', '.ema.');
        [tensors[name], tensors[average]] = [tensors[average]!, tensors[name]!];
      }
    };
    await expectNoticed(changed(exchange), unfit);
    const empty = (tensors: Record<string, HostTensors[string]>): void => {
      for (const [name, { shape, data }] of Object.entries(tensors)) {
        if (/^student\.[mv]\./.test(name)) tensors[name] = hostTensor(shape, new Float32Array(data.length));
      }
    };
    await expectNoticed(changed(empty), unfit);
  });

  test.each([0, 7, 8, 300, -1, -100, -2000])('with one bit of its state flipped, in byte %s', async (at) => {
    await expectNoticed((out) => flipped(join(out, STATE), at), unfit);
  });

  test('with any one bit of its progress flipped', async () => {
    const { length } = await readFile(join(stopped, CHECKPOINT, 'state.json'));
    for (let at = 0; at < length; at += 23) {
      await expectRefused((out) => flipped(join(out, CHECKPOINT, 'state.json'), at), /state.json/);
    }
  });

  test('with weights that are all NaN, of a version without checksums', async () => {
    await expectRefused(async (out) => {
      const { tensors, metadata } = decodeSafetensors(await readFile(join(out, STATE)), STATE);
      const bias = tensors['student.params.input.bias']!;
      const spoiled = { ...tensors, 'student.params.input.bias': { ...bias, data: bias.data.map(() => NaN) } };
      await writeFile(join(out, STATE), encodeSafetensors(spoiled, metadata));
      await writeFile(join(out, CHECKPOINT, 'state.json'), '{"version":2,"step":4,"seconds":1}');
    }, /the tensor "student.params.input.bias" is NaN throughout/);
  });
});

describe('a run goes on from the newest whole checkpoint', () => {
  test('without its pointer', async () => {
    const { notes } = await expectWhole((out) => rm(join(out, 'latest')));
    expect(notes).toEqual(['latest is missing; goes on from the newest whole checkpoint, 0000004']);
  });

  test('without the checkpoint that its pointer names', async () => {
    const { notes } = await expectWhole((out) => rm(join(out, CHECKPOINT), { recursive: true }));
    expect(notes).toEqual([
      'latest names 0000004, which is missing; goes on from the newest whole checkpoint, 0000002',
    ]);
  });

  test('without its pointer, putting aside what is damaged', async () => {
    const { notes, out } = await expectWhole(async (path) => {
      await rm(join(path, 'latest'));
      await flipped(join(path, STATE), -1);
    });
    expect(notes[1]).toMatch(/0000004 is put aside \(.*state.safetensors: is damaged/);
    expect((await readdir(join(out, 'checkpoints'))).sort()).toEqual(['0000004', '0000004.damaged', '0000006']);
  });

  test('or is refused, unchanged, if none is whole', async () => {
    const { got, out } = await goingOn(async (path) => {
      await rm(join(path, 'latest'));
      for (const step of ['0000002', '0000004']) await flipped(join(path, `checkpoints/${step}/state.safetensors`), -1);
    });
    expect((got as Error).message).toMatch(/latest is missing, and no checkpoint is whole; nothing was changed/);
    expect((await readdir(join(out, 'checkpoints'))).sort()).toEqual(['0000002', '0000004']);
  });
});

test('a run without its config.json is refused, and nothing starts elsewhere', async () => {
  const { got, out } = await goingOn((path) => rm(join(path, 'config.json')));
  expect(got).toBeInstanceOf(ConfigError);
  expect((got as Error).message).toMatch(/has log.jsonl but no config.json. Put it back, or choose another folder$/);
  expect(await readdir(scratch)).not.toContain(`${out.split('/').at(-1)!}-2`);
});

test('what is no checkpoint of the run is left alone', async () => {
  const foreign = ['0000009', '0000005.damaged', 'mine.tmp', 'notes'];
  const { out } = await expectWhole(async (path) => {
    await cp(join(other, CHECKPOINT), join(path, 'checkpoints/0000006'), { recursive: true });
    for (const name of foreign) await cp(join(other, CHECKPOINT), join(path, 'checkpoints', name), { recursive: true });
    await cp(join(path, CHECKPOINT), join(path, 'checkpoints/0000010.tmp'), { recursive: true });
  });
  const names = ['0000004', '0000005.damaged', '0000006', '0000006.damaged', '0000009', 'mine.tmp', 'notes'];
  expect((await readdir(join(out, 'checkpoints'))).sort()).toEqual(names);
});

test('a checkpoint that exceeds a limit is not taken for damaged', async () => {
  const out = fresh();
  await cp(stopped, out, { recursive: true });
  const error = trainVelocityField(training(out, { limits: { maxTensors: 1 } }));
  await expect(error).rejects.toMatchObject({ name: 'CheckpointError', limit: 'maxTensors' });
  expect((await readdir(join(out, 'checkpoints'))).sort()).toEqual(['0000002', '0000004']);
});

describe('a result', () => {
  const loaded = async (change: (folder: string) => Promise<unknown>): Promise<unknown> => {
    const out = fresh();
    await cp(whole.folder, out, { recursive: true });
    await change(out);
    return trainVelocityField(training(out, { whenFinished: 'load' })).catch((thrown: unknown) => thrown);
  };

  test('is loaded if it is that of its run', async () => {
    expect(await loaded(() => Promise.resolve())).toMatchObject({
      completed: true,
      model: { params: whole.model.params },
    });
    const bytes = await readFile(join(whole.folder, 'teacher.safetensors'));
    const config = JSON.parse(await readFile(join(whole.folder, 'config.json'), 'utf8')) as object;
    expect(config).toMatchObject({ result: createHash('sha256').update(bytes).digest('hex') });
    // Earlier versions did not record it.
    const before = async (out: string): Promise<void> =>
      writeFile(join(out, 'config.json'), JSON.stringify({ ...config, result: undefined }));
    expect(await loaded(before)).toMatchObject({ completed: true, model: { params: whole.model.params } });
  });

  test('is loaded with a note if the log is not what the run wrote, and without what a dead process has left', async () => {
    const out = fresh();
    await cp(whole.folder, out, { recursive: true });
    const log = await readFile(join(out, 'log.jsonl'), 'utf8');
    await writeFile(join(out, 'log.jsonl'), log.replace('"step":3', '"step":3.5'));
    await writeFile(join(out, 'lock'), '');
    await utimes(join(out, 'lock'), 0, 0);
    await writeFile(join(out, 'latest.0b6f2bd5-6d6c-4c55-8b0c-1f4f0fd2a3ce.tmp'), 'half');
    const notes: string[] = [];
    await trainVelocityField(training(out, { whenFinished: 'load', onNote: (note) => notes.push(note) }));
    expect(notes).toEqual(['log.jsonl: the records before the checkpoint are not those that the run wrote']);
    expect((await readdir(out)).sort()).toEqual((await readdir(whole.folder)).sort());
  });

  test('of another run, or with a changed bit, is refused', async () => {
    const { folder } = await trainVelocityField(training(fresh(), { seed: 2 }));
    const result = 'teacher.safetensors';
    const exchanged = await loaded((out) => cp(join(folder, result), join(out, result)));
    expect(exchanged).toBeInstanceOf(CheckpointError);
    expect((exchanged as Error).message).toMatch(/is not the result of the run in its folder/);
    expect(await loaded((out) => flipped(join(out, result), -1))).toBeInstanceOf(CheckpointError);
  });
});

test('milestones are kept beside the last two checkpoints', async () => {
  const out = fresh();
  await trainVelocityField(training(out, { iterations: 14, keep: 5 }));
  expect((await readdir(join(out, 'checkpoints'))).sort()).toEqual(['0000005', '0000010', '0000012', '0000014']);
  const more = { iterations: 9, checkpointEvery: 1, stepsPerRun: 2, keep: 3 };
  const runs = fresh();
  await trainVelocityField(training(runs, more));
  // After runs of two steps: the first at or after 3, 6 and 9.
  expect((await readdir(join(runs, 'checkpoints'))).sort()).toEqual(['0000004', '0000006', '0000008', '0000009']);
});

describe('a log is mended with a note', () => {
  const lines = async (out: string): Promise<string[]> =>
    (await readFile(join(out, 'log.jsonl'), 'utf8')).split('\n').slice(0, -1);
  test.each<[string, (lines: string[]) => string[], string, number]>([
    ['that was cut', (all) => all.slice(0, 2), '2 of the 4 records before the checkpoint are there', 4],
    ['that was doubled', (all) => [...all, ...all], 'left out 4 records of steps that are there already', 6],
    ['that has lines of something else', (all) => ['x', ...all], 'left out 1 lines that are not records', 6],
  ])('%s', async (_, change, note, records) => {
    const { notes, out } = await expectWhole(async (path) =>
      writeFile(join(path, 'log.jsonl'), `${change(await lines(path)).join('\n')}\n`),
    );
    expect(notes).toEqual([`log.jsonl: ${note}`]);
    expect(await lines(out)).toHaveLength(records);
  });

  test('that is of another run', async () => {
    const { notes } = await expectWhole((out) => cp(join(other, 'log.jsonl'), join(out, 'log.jsonl')));
    expect(notes).toEqual(['log.jsonl: the records before the checkpoint are not those that the run wrote']);
  });
});

test('a run whose folder vanishes or is replaced does not say that it is complete', async () => {
  const removed = fresh();
  const remove = async (): Promise<void> => rm(removed, { recursive: true });
  const once = { name: 'remove', every: 3, run: ({ step }: { step: number }) => (step === 3 ? remove() : undefined) };
  const quiet = { logEvery: 100, checkpointEvery: 100 };
  const message = /is not the folder of this run any more/;
  await expect(trainVelocityField(training(removed, { ...quiet, callbacks: [once] }))).rejects.toThrow(WriteError);
  const replaced = fresh();
  const replace = async (): Promise<void> => {
    await rename(replaced, `${replaced}.away`);
    await cp(other, replaced, { recursive: true });
  };
  const exchange = { ...once, run: ({ step }: { step: number }) => (step === 3 ? replace() : undefined) };
  const error = await trainVelocityField(training(replaced, { ...quiet, callbacks: [exchange] })).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(WriteError);
  expect((error as Error).message).toMatch(message);
});

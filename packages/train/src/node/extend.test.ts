import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, flowMapFrom, mlp, type Model, type Schedule } from '@flowmap/core';
import { loadModel, saveModel } from '@flowmap/core/node';
import { checkerboard } from '@flowmap/data';
import { ayfEmd, flowMatching } from '@flowmap/objectives';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NonFiniteError, RunMismatchError } from '../errors.js';
import { cosineSchedule } from '../schedules.js';
import { overflowing } from './__fixtures__/short-training.js';
import type { DistillOptions, TrainVelocityFieldOptions, WhenFinished } from './options.js';
import { distill, trainVelocityField } from './train.js';

let scratch = '';
let count = 0;
beforeAll(async () => (scratch = await mkdtemp(join(tmpdir(), 'flowmap-extend-'))));
afterAll(async () => rm(scratch, { recursive: true }));
const fresh = (): string => join(scratch, String(count++));

const network = mlp({ shape: [2], width: 8, depth: 1 });
const constant: Schedule = () => 1e-3;
const common = { runtime: referenceRuntime(), data: checkerboard(), batchSize: 8, seed: 3, progress: 'none' } as const;
const matching = (out: string, more: Partial<TrainVelocityFieldOptions> = {}): TrainVelocityFieldOptions => ({
  ...common,
  network,
  objective: flowMatching(),
  iterations: 6,
  checkpointEvery: 2,
  logEvery: 1,
  learningRate: constant,
  out,
  ...more,
});
const distilling = (out: string, teacher: Model, more: Partial<DistillOptions> = {}): DistillOptions => ({
  ...common,
  teacher,
  objective: ayfEmd(),
  iterations: 3,
  out,
  ...more,
});
const extend = { whenFinished: 'extend' } as const;

/** Options that abort a run once a step has been taken. */
function stopAfter(step: number): Pick<DistillOptions, 'signal' | 'onLog'> {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    onLog: (record) => {
      if (record.step === step) controller.abort();
    },
  };
}

/** Parameters without the precision in which a runtime keeps states. */
const valuesOf = ({ params }: Model): Record<string, number[]> =>
  Object.fromEntries(Object.entries(params).map(([name, { data }]) => [name, Array.from(data)]));

/** The last checkpoint of a run: weights, averages and what the optimizer keeps. */
const state = async (folder: string): Promise<Buffer> =>
  readFile(join(folder, 'checkpoints', (await readFile(join(folder, 'latest'), 'utf8')).trim(), 'state.safetensors'));

const configOf = async (folder: string): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as Record<string, unknown>;

describe('an extended run', () => {
  test.each([
    ['finished', {}, 6],
    ['stopped', stopAfter(3), 3],
  ])('that was %s has the bits of one that had its length from the start', async (how, stop, step) => {
    const whole = await trainVelocityField(matching(fresh(), { iterations: 12 }));
    const out = fresh();
    const first = await trainVelocityField(matching(out, stop));
    const notes: string[] = [];
    const more = { ...extend, iterations: 12 };
    // Stopped in the extension, and called again.
    const part = await trainVelocityField(
      matching(out, { ...more, ...stopAfter(9), onNote: (note) => notes.push(note) }),
    );
    expect(notes).toEqual([`is extended from step ${step} on (iterations: 6 there, 12 now)`]);
    expect(part).toMatchObject({ folder: out, completed: false, step: 9 });
    const extended = await trainVelocityField(matching(out, more));
    expect(extended).toMatchObject({ folder: out, completed: true, step: 12 });
    expect(extended.log.map((record) => record.step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(extended.model.params).toEqual(whole.model.params);
    expect((await state(out)).equals(await state(whole.folder))).toBe(true);
    expect(await configOf(out)).toMatchObject({
      run: { iterations: 12 },
      extended: [{ step, before: { iterations: 6, maxGradientNorm: null } }],
    });
    if (how === 'finished') {
      const kept = await loadModel(join(out, 'kept/teacher.0000006.safetensors'));
      expect(kept.params).toEqual(first.model.params);
    }
    // A run that has finished with these settings is returned as it is.
    const again = await trainVelocityField(matching(out, more));
    expect(again).toMatchObject({ folder: out, completed: true, step: 12, log: extended.log });
    expect(again.model.params).toEqual(extended.model.params);
  });

  test('has schedules that go on at the present step as those of a run of the new length', async () => {
    const out = fresh();
    const learningRate = cosineSchedule(1e-2);
    await trainVelocityField(matching(out, { learningRate }));
    const { log } = await trainVelocityField(matching(out, { ...extend, learningRate, iterations: 12 }));
    const rates = log.map((record) => record['learningRate']);
    expect(rates.slice(0, 6)).toEqual([0, 1, 2, 3, 4, 5].map((step) => learningRate({ step, iterations: 6 })));
    expect(rates.slice(6)).toEqual([6, 7, 8, 9, 10, 11].map((step) => learningRate({ step, iterations: 12 })));
  });

  test('goes on from its last checkpoint after a NaN, at another learning rate', async () => {
    const out = fresh();
    const exploding: Schedule = ({ step }) => (step >= 3 ? 2 : 1e-3);
    await expect(
      trainVelocityField(matching(out, { learningRate: exploding, optimizer: overflowing })),
    ).rejects.toThrow(NonFiniteError);
    await expect(trainVelocityField(matching(out))).rejects.toThrow("extend it with whenFinished: 'extend'");
    const better = await trainVelocityField(matching(out, extend));
    expect(better).toMatchObject({ completed: true, step: 6 });
    expect(better.model.params).toEqual((await trainVelocityField(matching(fresh()))).model.params);
  });

  test('keeps all other settings', async () => {
    const out = fresh();
    await trainVelocityField(matching(out));
    const before = await configOf(out);
    for (const change of [{ seed: 4 }, { emaDecay: 0.5 }, { batchSize: 4 }]) {
      const more = { ...extend, iterations: 12, ...change };
      await expect(trainVelocityField(matching(out, more))).rejects.toThrow(RunMismatchError);
    }
    const fewer = trainVelocityField(matching(out, { ...extend, iterations: 5 }));
    await expect(fewer).rejects.toThrow(`iterations: wanted at least 6, the steps that ${out} has taken; got 5`);
    expect(await configOf(out)).toEqual(before);
    expect(await readdir(out)).toContain('teacher.safetensors');
  });
});

describe('a run to load', () => {
  test('is trained, goes on, and is then returned as it is', async () => {
    const out = fresh();
    const load = { whenFinished: 'load' } as const;
    expect((await trainVelocityField(matching(out, { ...load, ...stopAfter(3) }))).completed).toBe(false);
    const whole = await trainVelocityField(matching(out, load));
    const loaded = await trainVelocityField(matching(out, { ...load, onLog: () => expect.fail('a step was taken') }));
    expect(loaded).toMatchObject({ folder: out, completed: true, step: 6, log: whole.log });
    expect(loaded.model.params).toEqual(whole.model.params);
    expect(loaded.model.training).toEqual(whole.model.training);
    await expect(trainVelocityField(matching(out, { ...load, seed: 4 }))).rejects.toThrow('seed: 3 there, 4 now');
    expect(await readdir(scratch)).not.toContain(`${out}-2`);
  });

  test('is not looked for among foreign files, and in no unknown way', async () => {
    const out = fresh();
    await mkdir(out);
    await writeFile(join(out, 'log.jsonl'), '');
    const foreign = trainVelocityField(matching(out, { whenFinished: 'load' }));
    await expect(foreign).rejects.toThrow(`'${out}' has log.jsonl but no config.json`);
    const unknown = trainVelocityField(matching(fresh(), { whenFinished: 'overwrite' as WhenFinished }));
    await expect(unknown).rejects.toThrow('whenFinished: wanted one of load, extend, new; got "overwrite"');
  });
});

describe('distill refuses, before it creates anything,', () => {
  test('a teacher whose training was interrupted', async () => {
    const [first, out] = [fresh(), fresh()];
    const { model } = await trainVelocityField(matching(first, stopAfter(3)));
    await expect(distill(distilling(out, model))).rejects.toThrow(
      'teacher: wanted a trained one, got one that was stopped at step 3 of 6; run its training again first',
    );
    await saveModel(join(first, 'mine.safetensors'), model);
    await expect(distill(distilling(out, await loadModel(join(first, 'mine.safetensors'))))).rejects.toThrow(
      ConfigError,
    );
    await expect(readdir(out)).rejects.toThrow('ENOENT');
  });

  test('an aborted signal', async () => {
    const [teacher, out] = [{ kind: 'velocity', network, params: network.init(1), classes: [] } as const, fresh()];
    await expect(distill(distilling(out, teacher, { signal: AbortSignal.abort() }))).rejects.toThrow(
      'signal: wanted one that has not been aborted',
    );
    await expect(readdir(out)).rejects.toThrow('ENOENT');
  });
});

describe('training from weights', () => {
  test('takes them from a model, its file or the folder of its run, and records which', async () => {
    const first = await trainVelocityField(matching(fresh()));
    const { network: _, ...rest } = matching('', { learningRate: () => 0 });
    const froms = [first.model, join(first.folder, 'teacher.safetensors'), first.folder];
    const runs = await Promise.all(froms.map((from) => trainVelocityField({ ...rest, from, out: fresh() })));
    for (const run of runs) expect(run.model.params).toEqual(first.model.params);
    const other = await trainVelocityField(matching(fresh(), { from: first.folder, ...stopAfter(2) }));
    await expect(trainVelocityField(matching(other.folder))).rejects.toThrow('from: ');
    expect((await trainVelocityField(matching(other.folder, { from: first.model }))).completed).toBe(true);
  });

  test('starts a student from a flow map or a velocity field', async () => {
    const { model: teacher } = await trainVelocityField(matching(fresh()));
    const still = { learningRate: () => 0 };
    const velocity: Model = { ...teacher, params: network.init(8) };
    const map = flowMapFrom(velocity, 3);
    for (const from of [velocity, map]) {
      const { model } = await distill(distilling(fresh(), teacher, { ...still, from }));
      expect(valuesOf(model)).toEqual(valuesOf(map));
    }
    const both = distill(distilling(fresh(), teacher, { student: map, from: map }));
    await expect(both).rejects.toThrow('from: wanted either `student` or `from`, got both');
  });

  test('refuses what does not fit, and a run that is not finished', async () => {
    const partial = await trainVelocityField(matching(fresh(), stopAfter(3)));
    const folder = trainVelocityField(matching(fresh(), { from: partial.folder }));
    await expect(folder).rejects.toThrow('from: wanted the folder of a finished run');
    const wider = matching(fresh(), { from: partial.model, network: mlp({ shape: [2], width: 9, depth: 1 }) });
    await expect(trainVelocityField(wider)).rejects.toThrow('network: wanted that of `from`');
    const { network: _, ...none } = matching(fresh());
    await expect(trainVelocityField(none)).rejects.toThrow('network: wanted a network to train, or `from`');
  });
});

import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dit, mlp, type Model, withPrefix } from '@flowmap/core';
import { loadModel } from '@flowmap/core/node';
import { eightGaussians } from '@flowmap/data';
import { ayfEmd, flowMatching } from '@flowmap/objectives';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, type HostTensors } from '@flowmap/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { initialState, trainee } from '../trainee.js';
import { loadCheckpoint, loadTrained, saveCheckpoint } from './checkpoints.js';
import { distill, trainVelocityField } from './train.js';

let folder = '';
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'flowmap-checkpoints-'))));
afterAll(async () => rm(folder, { recursive: true }));

test('a checkpoint with biases of keys, of an earlier version, is read as one of now, slots included', async () => {
  const network = dit({ shape: [1, 2, 2], patch: 1, width: 4, depth: 1, heads: 1 });
  const bias = 'block0.qkv.bias';
  const earlier = (first: number): HostTensors => ({
    ...network.init(0),
    [bias]: hostTensor(
      [12],
      Float32Array.from({ length: 12 }, (_, i) => first + i),
    ),
  });
  const model: Model = { kind: 'velocity', network, params: network.init(0), classes: [] };
  const student = trainee({ model, learningRate: 1e-3 });
  const parts = ['params', 'ema', 'm', 'v'].map((part, i) => withPrefix(`student.${part}`, earlier(100 * i)));
  const state = Object.assign({}, ...parts) as HostTensors;
  const target = await saveCheckpoint(folder, { step: 3, seconds: 1, state }, { student });
  const read = await loadCheckpoint(target, { student });
  const shapes = (tensors: HostTensors): [string, readonly number[]][] =>
    Object.entries(tensors)
      .map(([name, { shape }]): [string, readonly number[]] => [name, shape])
      .sort(([a], [b]) => (a < b ? -1 : 1));
  expect(shapes(read.state)).toEqual(shapes(initialState({ student })));
  expect([...read.state[`student.m.${bias}`]!.data]).toEqual([200, 201, 202, 203, 208, 209, 210, 211]);
  expect([...read.state[`student.v.${bias}`]!.data]).toEqual([300, 301, 302, 303, 308, 309, 310, 311]);
});

// Runs in the layout with separate files for model, average and optimizer, stopped after 3 of 6 steps, and the results
// of runs that were not stopped. Made by the last version before named states, on the float64 reference runtime.
describe('an unfinished run of the first layout', () => {
  const fixture = (name: string): string => join(import.meta.dirname, '__fixtures__/layout-1', name);
  const common = {
    runtime: referenceRuntime(),
    data: eightGaussians(),
    iterations: 6,
    batchSize: 8,
    seed: 0,
    checkpointEvery: 2,
    logEvery: 1,
    progress: 'none',
    learningRate: 1e-2,
  } as const;

  test.each(['velocity', 'student'])('goes on to the same end: %s', async (kind) => {
    const out = join(folder, kind);
    await cp(fixture(kind), out, { recursive: true });
    const before = await readFile(join(out, 'log.jsonl'), 'utf8');
    const notes: string[] = [];
    const onNote = (note: string): unknown => notes.push(note);
    const result =
      kind === 'velocity'
        ? await trainVelocityField({
            ...common,
            onNote,
            network: mlp({ shape: [2], classes: 8, width: 4, depth: 1 }),
            objective: flowMatching(),
            out,
          })
        : await distill({
            ...common,
            onNote,
            teacher: await loadModel(fixture('velocity.finished.safetensors')),
            objective: ayfEmd(),
            out,
          });
    expect(result).toMatchObject({ folder: out, completed: true, step: 6 });
    expect(notes).toEqual([]);
    const wanted = await loadModel(fixture(`${kind}.finished.safetensors`));
    expect(result.model.params).toEqual(wanted.params);
    expect(await readFile(join(out, 'log.jsonl'), 'utf8')).toContain(before);
    expect((await loadTrained(join(out, 'checkpoints/0000006'), { average: 'ema' })).params).toEqual(wanted.params);
  });
});

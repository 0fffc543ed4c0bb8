import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mlp } from '@flowmap/core';
import { checkerboard } from '@flowmap/data';
import { flowMatching } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import type { Runtime } from '@flowmap/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TrainVelocityFieldOptions } from './options.js';
import { trainVelocityField } from './train.js';

let scratch = '';
let count = 0;
beforeAll(async () => (scratch = await mkdtemp(join(tmpdir(), 'flowmap-environment-'))));
afterAll(async () => rm(scratch, { recursive: true }));

const training = (
  runtime: Runtime,
  more: Partial<TrainVelocityFieldOptions> & { out: string },
): TrainVelocityFieldOptions => ({
  runtime,
  data: checkerboard(),
  network: mlp({ shape: [2], width: 8, depth: 1 }),
  objective: flowMatching(),
  iterations: 8,
  batchSize: 8,
  seed: 3,
  checkpointEvery: 4,
  logEvery: 1,
  progress: 'none',
  ...more,
});

/** Folder of a run that stopped after half of its steps. */
async function begun(runtime: Runtime): Promise<string> {
  const out = join(scratch, String(count++));
  const controller = new AbortController();
  const onLog = ({ step }: { step: number }): void => {
    if (step === 4) controller.abort();
  };
  const partial = await trainVelocityField(training(runtime, { out, onLog, signal: controller.signal }));
  expect(partial).toMatchObject({ completed: false, step: 4 });
  return out;
}

/** The notes given when the run is resumed to its end. */
async function notesOf(
  runtime: Runtime,
  more: Partial<TrainVelocityFieldOptions> & { out: string },
): Promise<string[]> {
  const notes: string[] = [];
  const options = training(runtime, { ...more, onNote: (note) => notes.push(note) });
  expect(await trainVelocityField(options)).toMatchObject({ completed: true, step: 8 });
  return notes;
}

const onnx = (threads: number): Promise<Runtime> => onnxRuntime({ device: 'cpu', threads });

describe('a run that goes on', () => {
  test('in the same environment gives no note', async () => {
    const out = await begun(await onnx(1));
    const { environment } = JSON.parse(await readFile(join(out, 'config.json'), 'utf8')) as {
      environment: Record<string, unknown>;
    };
    const { facts } = await onnx(1);
    expect(facts).toMatchObject({ device: 'cpu', threads: 1 });
    expect(environment).toMatchObject({ runtime: 'onnx (cpu)', ...facts, stepsPerRun: 1, node: process.version });
    expect(await notesOf(await onnx(1), { out })).toEqual([]);
  });

  test('with more threads names them', async () => {
    const notes = await notesOf(await onnx(2), { out: await begun(await onnx(1)) });
    expect(notes).toEqual([expect.stringContaining('(threads: 1 there, 2 now)')]);
  });

  test('with another number of steps per run names it', async () => {
    const notes = await notesOf(referenceRuntime(), { out: await begun(referenceRuntime()), stepsPerRun: 2 });
    expect(notes).toEqual([expect.stringContaining('(stepsPerRun: 1 there, 2 now)')]);
  });

  test('on another runtime names both', async () => {
    const notes = await notesOf(await onnx(1), { out: await begun(referenceRuntime()) });
    expect(notes).toEqual([expect.stringContaining('runtime: "reference" there, "onnx (cpu)" now; ')]);
    expect(notes[0]).toContain('threads: nothing there, 1 now');
  });

  test('from a config.json without an environment gives no note', async () => {
    const out = await begun(referenceRuntime());
    const path = join(out, 'config.json');
    const { environment: _, ...config } = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    await writeFile(path, JSON.stringify({ ...config, version: 1, runtime: 'another' }));
    expect(await notesOf(await onnx(1), { out })).toEqual([]);
  });
});

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mlp } from '@flowmap/core';
import { checkerboard } from '@flowmap/data';
import { flowMatching } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { RuntimeUnavailableError, type Executable, type Feeds, type HostTensors, type Runtime } from '@flowmap/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RuntimeLostError } from '../errors.js';
import { loadCheckpoint } from './checkpoints.js';
import type { TrainVelocityFieldOptions } from './options.js';
import { trainVelocityField } from './train.js';

let scratch = '';
let count = 0;
beforeAll(async () => (scratch = await mkdtemp(join(tmpdir(), 'flowmap-lost-'))));
afterAll(async () => rm(scratch, { recursive: true }));
const fresh = (): string => join(scratch, String(count++));

const training = (runtime: Runtime, out: string): TrainVelocityFieldOptions => ({
  runtime,
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
});

const open = (): Promise<Runtime> => onnxRuntime({ device: 'cpu', threads: 1 });
const lost = new RuntimeUnavailableError('onnx (webgpu)', 'the device failed while running: it was unplugged');

/** A runtime whose device is lost: one call of a method of its executables fails, and so does everything after it. */
function losing(runtime: Runtime, method: 'run' | 'readState', call: number): Runtime {
  return {
    ...runtime,
    async compile(program, options) {
      const executable = await runtime.compile(program, options);
      let calls = 0;
      let isLost = false;
      const guarded = <A extends unknown[], R>(name: keyof Executable, f: (...args: A) => Promise<R>) => {
        return async (...args: A): Promise<R> => {
          isLost ||= name === method && ++calls === call;
          if (isLost) throw lost;
          return f(...args);
        };
      };
      return {
        program: executable.program,
        writeState: guarded('writeState', (values: HostTensors) => executable.writeState(values)),
        readState: guarded('readState', (names?: readonly string[]) => executable.readState(names)),
        run: guarded('run', (inputs: Feeds) => executable.run(inputs)),
        dispose: guarded('dispose', () => executable.dispose()),
      };
    },
  };
}

describe('a device that is lost', () => {
  test.each([
    ['while a step runs', 'run', 8, 7],
    ['while a checkpoint is read', 'readState', 2, 10],
  ] as const)('%s leaves the last checkpoint whole, and the run goes on from it', async (_, method, call, step) => {
    const runtime = await open();
    const out = fresh();
    const dying = trainVelocityField(training(losing(runtime, method, call), out));
    const error = await dying.catch((thrown: unknown) => thrown);
    const checkpoint = join(out, 'checkpoints', '0000005');
    expect(error).toBeInstanceOf(RuntimeLostError);
    expect(error).toBeInstanceOf(RuntimeUnavailableError);
    expect(error).toMatchObject({ runtime: 'onnx (webgpu)', step, checkpoint, cause: lost });
    expect((error as Error).message).toBe(
      `onnx (webgpu): training stopped after step ${step}; the last checkpoint, ${checkpoint}, is whole, and the same ` +
        `call with a runtime that works goes on from it. ${lost.message}`,
    );
    expect(await readFile(join(out, 'latest'), 'utf8')).toBe('0000005\n');
    expect((await loadCheckpoint(checkpoint, {})).step).toBe(5);

    const resumed = await trainVelocityField(training(runtime, out));
    const whole = await trainVelocityField(training(runtime, fresh()));
    expect(resumed).toMatchObject({ folder: out, completed: true, step: 12 });
    expect(resumed.model.params).toEqual(whole.model.params);
    const at = (folder: string): Promise<Buffer> => readFile(join(folder, 'checkpoints/0000012/state.safetensors'));
    expect((await at(out)).equals(await at(whole.folder))).toBe(true);
  });

  test('before the first checkpoint leaves none, and the run starts again', async () => {
    const runtime = await open();
    const out = fresh();
    const error = await trainVelocityField(training(losing(runtime, 'run', 3), out)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ step: 2, checkpoint: undefined });
    expect((error as Error).message).toContain('there is no checkpoint yet');
    const again = await trainVelocityField(training(runtime, out));
    expect(again).toMatchObject({ folder: out, completed: true, step: 12 });
  });
});

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gradients, hostTensor, program, type HostTensor, type Program } from '@flowmap/tensor';
import { expect, it } from 'vitest';
import { onnxRuntime } from '../onnx-runtime.js';
import { runThread } from './run-thread.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as (options?: { readonly type: 'minor' }) => void;

/** Products of matrices one after another: 0.27 GFLOP each. */
const products = (count: number): Program =>
  program('products', { inputs: { x: [512, 512] } }, ({ x }) => {
    let y = x;
    for (let i = 0; i < count; i++) y = y.matmul(x);
    return { outputs: { y: y.mean() } };
  });

const uniform = hostTensor([512, 512], new Float32Array(512 * 512).fill(1 / 512));

/** Ticks of a timer of 10 ms during a run, and how long the run took. */
async function ticksDuring(count: number, offThread?: boolean): Promise<{ ticks: number; ms: number }> {
  const runtime = await onnxRuntime({ device: 'cpu', threads: 1, ...(offThread === undefined ? {} : { offThread }) });
  const executable = await runtime.compile(products(count));
  let ticks = 0;
  const timer = setInterval(() => ticks++, 10);
  const start = performance.now();
  const { y } = await executable.run({ x: uniform });
  const ms = performance.now() - start;
  clearInterval(timer);
  expect((await y!.read()).data[0]).toBeCloseTo(1 / 512, 6);
  await executable.dispose();
  return { ticks, ms };
}

it('a timer goes on while a program runs', async () => {
  const { ticks, ms } = await ticksDuring(60);
  expect(ticks).toBeGreaterThan(ms / 10 / 3);
});

it('and not if the program runs on its thread', async () => {
  expect((await ticksDuring(6, false)).ticks).toBe(0);
});

it('is no option of other devices', async () => {
  await expect(onnxRuntime({ device: 'webgpu', offThread: true })).rejects.toThrow(/only device: 'cpu' has one/);
});

/** A regression. onnxruntime is given other arrays than those of its inputs, and nothing else holds these. */
const descent = program(
  'descent',
  { inputs: { x: [64, 32], rate: [] }, state: { w: [32, 48], moment: [32, 48] } },
  ({ x, rate }, { w, moment }) => {
    const loss = x.matmul(w).silu().square().mean();
    const m = moment.mul(0.9).add(gradients(loss, { w }).w);
    return { outputs: { loss, y: x.matmul(w) }, state: { w: w.sub(m.mul(rate)), moment: m } };
  },
);

const wave = (shape: readonly number[], frequency: number): HostTensor => {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return {
    shape,
    dtype: 'float32',
    data: Float64Array.from({ length: size }, (_, i) => Math.sin(frequency * (i + 1))),
  };
};
/** The same few inputs again and again. */
const inputs = Array.from({ length: 8 }, (_, i) => ({ x: wave([64, 32], 1 + i), rate: wave([], 0.1 * (1 + i)) }));

async function trained(steps: number, offThread: boolean): Promise<readonly unknown[]> {
  const runtime = await onnxRuntime({ device: 'cpu', threads: 1, offThread });
  const step = await runtime.compile(descent);
  await step.writeState({ w: wave([32, 48], 0.3), moment: wave([32, 48], 0) });
  let losses = 0;
  for (let i = 0; i < steps; i++) {
    const { loss, y } = await step.run(inputs[i % inputs.length]!);
    losses += (await loss!.read()).data[0]!;
    y!.dispose();
  }
  const state = await step.readState();
  await step.dispose();
  return [losses, state];
}

it('a thousand steps have the same bits, whatever is collected as garbage and overwritten meanwhile', async () => {
  const expected = await trained(1000, false);
  for (let repetition = 0; repetition < 3; repetition++) {
    let ticks = 0;
    const timer = setInterval(() => {
      // A minor collection, which takes less time, already frees what is young.
      if (ticks++ % 16 === 0) collectGarbage();
      else collectGarbage({ type: 'minor' });
      // Reuses memory that was freed, in all sizes that a run has.
      for (const size of [1, 32 * 48, 64 * 32, 64 * 48]) new Float32Array(size).fill(NaN);
    }, 4);
    const result = await trained(1000, true);
    clearInterval(timer);
    expect(result).toEqual(expected);
    expect(ticks).toBeGreaterThan(16);
  }
});

it('a process lives until its runs have ended, and can be ended in the midst of one', async () => {
  const script = join(import.meta.dirname, '../node/__fixtures__/exit-during-run.ts');
  const child = spawn(process.execPath, ['--conditions=@flowmap/source', '--import', 'tsx', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (output += String(bytes)));
  const ended = await new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
  expect({ ended, output }).toEqual({ ended: { code: 3, signal: null }, output: '1.000\n' });
});

it('calls are made on this thread, in order, if no other can be started', async () => {
  const made: unknown[] = [];
  const otherwise = ({ args }: { readonly args: readonly unknown[] }): null => {
    made.push(...args);
    return null;
  };
  const run = runThread({ run: 0n, parameters: ['no type'], environment: undefined, otherwise });
  await Promise.all([1, 2].map(async (call) => await run({ args: [call], memory: [] })));
  await run({ args: [3], memory: [] });
  expect(made).toEqual([1, 2, 3]);
});

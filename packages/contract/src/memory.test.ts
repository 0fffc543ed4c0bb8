import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { tfjsRuntime } from '@flowmap/runtime-tfjs';
import { gradients, hostTensor, hostZeros, program, type Executable, type Runtime } from '@flowmap/tensor';
import { expect, test } from 'vitest';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const side = 48;
/** Gradient descent with momentum towards a matrix: two states of 9 kB, an input and an output. */
const descent = program(
  'descent',
  { inputs: { target: [side, side] }, state: { w: [side, side], momentum: [side, side] } },
  ({ target }, { w, momentum }) => {
    const loss = w.sub(target).square().mean();
    const m = momentum.mul(0.9).add(gradients(loss, { w }).w);
    return { outputs: { loss, w }, state: { momentum: m, w: w.sub(m) } };
  },
);

async function take(executable: Executable, steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) {
    const target = hostTensor([side, side], new Float32Array(side * side).fill(step % 7));
    const outputs = await executable.run({ target });
    await outputs['loss']!.read();
    for (const tensor of Object.values(outputs)) tensor.dispose();
  }
}

/** Megabytes in use: by the JavaScript heap with what it refers to, and by the process. */
async function used(): Promise<{ heap: number; process: number }> {
  // Native memory is released by finalizers, which run between two collections.
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: (heapUsed + external) / 2 ** 20, process: rss / 2 ** 20 };
}

const runtimes: Record<string, () => Runtime | Promise<Runtime>> = {
  reference: referenceRuntime,
  onnx: () => onnxRuntime({ device: 'cpu', threads: 1 }),
  'tfjs cpu': () => tfjsRuntime({ backend: 'cpu' }),
  'tfjs wasm': () => tfjsRuntime({ backend: 'wasm' }),
};

test.each(Object.entries(runtimes))('10,000 steps on %s keep memory flat', async (_, open) => {
  const runtime = await open();
  const executable = await runtime.compile(descent);
  const zeros = hostZeros({ shape: [side, side], dtype: 'float32' });
  await executable.writeState({ w: zeros, momentum: zeros });
  await take(executable, 1000);
  const before = await used();
  await take(executable, 9000);
  const after = await used();
  // A handle of 100 bytes lost per step is 0.9 MB of heap; a matrix lost per step is 83 MB of the process, whose
  // allocator itself fluctuates by up to 25 MB or so.
  expect(after.heap - before.heap).toBeLessThan(0.5);
  expect(after.process - before.process).toBeLessThan(50);
  await executable.dispose();
});

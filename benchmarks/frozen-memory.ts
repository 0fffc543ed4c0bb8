import { readFileSync, writeFileSync } from 'node:fs';
import { compileSampler, dit, type Model } from '@flowmap/core';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { hostTensor, sizeOf } from '@flowmap/tensor';

/**
 * Prints the peak of resident memory while the frozen sampler of a DiT is compiled, in units of its
 * parameters, which are included.
 */
export async function measureFrozenMemory(threads: number): Promise<void> {
  const runtime = await onnxRuntime({ device: 'cpu', threads });
  const compile = async (model: Model): Promise<void> => {
    const sampler = await compileSampler(runtime, model, { batchSize: 1, frozen: true });
    await sampler.dispose();
  };
  // What the first program loads and compiles of Flowmap itself.
  await compile(modelOf(32, 2));

  const before = memory('VmRSS');
  const model = modelOf(768, 6);
  const bytes = Object.values(model.params).reduce((sum, { data }) => sum + data.byteLength, 0);
  writeFileSync('/proc/self/clear_refs', '5');
  const start = performance.now();
  await compile(model);
  const [ms, copies] = [performance.now() - start, (memory('VmHWM') - before) / bytes];
  console.log(
    `DiT of ${(bytes / 2 ** 20).toFixed(0)} MiB, frozen: peak ${copies.toFixed(2)} copies of its parameters, ${ms.toFixed(0)} ms`,
  );
}

/**
 * Parameters made without a random generator, which leaves things in memory; all different, as equal numbers
 * would be stored as one.
 */
function modelOf(width: number, depth: number): Model {
  const network = dit({ shape: [3, 32, 32], patch: 4, width, depth, interval: true });
  const params = Object.fromEntries(
    Object.entries(network.parameters).map(([name, { shape }]) => {
      const values = new Float32Array(sizeOf(shape));
      for (let i = 0; i < values.length; i++) values[i] = (((i * 7919) % 1009) / 1009 - 0.5) / width;
      return [name, hostTensor(shape, values)];
    }),
  );
  return { kind: 'flowMap', network, params, classes: [] };
}

function memory(field: 'VmHWM' | 'VmRSS'): number {
  const [, kibibytes] = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))!;
  return 1024 * Number(kibibytes);
}

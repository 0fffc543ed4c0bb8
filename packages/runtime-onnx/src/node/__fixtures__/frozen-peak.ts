// Prints the peak resident memory while compiling a program with frozen parameters, in multiples of their size,
// including the parameters themselves: `frozen-peak.ts COUNT WIDTH`, matrices of WIDTH x WIDTH.
import { readFileSync, writeFileSync } from 'node:fs';
import { freeze, hostTensor, program, type HostTensors, type Program, type Tensor } from '@flowmap/tensor';
import { onnxRuntime } from '../../onnx-runtime.js';

const [count, width] = process.argv.slice(2).map(Number) as [number, number];
const memory = (field: 'VmHWM' | 'VmRSS'): number => {
  const [, kibibytes] = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))!;
  return 1024 * Number(kibibytes);
};
const names = Array.from({ length: count }, (_, i) => `w${i}`);
const product = (width: number): Program =>
  program(
    'product',
    { inputs: { x: [1, width] }, state: Object.fromEntries(names.map((name) => [name, [width, width]])) },
    ({ x }, weights) => ({ outputs: { y: names.reduce<Tensor>((y, name) => y.matmul(weights[name]!), x) } }),
  );
/** All different, as a matrix of equal numbers is stored as one number; columns add up to 1. */
const draw = (width: number): HostTensors =>
  Object.fromEntries(
    names.map((name, k) => {
      const weights = new Float32Array(width * width);
      for (let i = 0; i < weights.length; i++) {
        weights[i] = (1 + (((Math.floor(i / width) + i + k) % 5) - 2) / 8) / width;
      }
      return [name, hostTensor([width, width], weights)];
    }),
  );
const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });
// What the first program loads and compiles of Flowmap itself.
const small = await runtime.compile(freeze(product(5), draw(5)));
await small.dispose();

const before = memory('VmRSS');
const params = draw(width);
writeFileSync('/proc/self/clear_refs', '5');
const executable = await runtime.compile(freeze(product(width), params, { copy: false }));
const peak = memory('VmHWM') - before;
const { y } = await executable.run({ x: hostTensor([1, width], new Float32Array(width).fill(1)) });
const values = (await y!.read()).data;
process.stdout.write(JSON.stringify({ copies: peak / (4 * width * width * count), value: values[width - 1] }));
await executable.dispose();

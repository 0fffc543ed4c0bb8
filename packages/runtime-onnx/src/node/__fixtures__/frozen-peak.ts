// Prints the peak resident memory while compiling a program with frozen parameters, in multiples of their size,
// including the parameters themselves.
import { readFileSync, writeFileSync } from 'node:fs';
import { freeze, hostTensor, program, type HostTensors, type Tensor } from '@flowmap/tensor';
import { onnxRuntime } from '../../onnx-runtime.js';

const [count, width] = [8, 2560];
const memory = (field: 'VmHWM' | 'VmRSS'): number => {
  const [, kibibytes] = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))!;
  return 1024 * Number(kibibytes);
};
const shape = [width, width];
const names = Array.from({ length: count }, (_, i) => `w${i}`);
const product = program(
  'product',
  { inputs: { x: [1, width] }, state: Object.fromEntries(names.map((name) => [name, shape])) },
  ({ x }, weights) => ({ outputs: { y: names.reduce<Tensor>((y, name) => y.matmul(weights[name]!), x) } }),
);
const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });

const before = memory('VmRSS');
const params: HostTensors = Object.fromEntries(
  names.map((name) => [name, hostTensor(shape, new Float32Array(width * width).fill(1 / width))]),
);
writeFileSync('/proc/self/clear_refs', '5');
const executable = await runtime.compile(freeze(product, params, { copy: false }));
const peak = memory('VmHWM') - before;
const { y } = await executable.run({ x: hostTensor([1, width], new Float32Array(width).fill(1)) });
const values = (await y!.read()).data;
process.stdout.write(JSON.stringify({ copies: peak / (4 * width * width * count), value: values[width - 1] }));
await executable.dispose();

// Prints the result of a run that nothing waits for, then ends the process in the middle of another, with status
// 3.
import { hostTensor, program } from '@flowmap/tensor';
import { onnxRuntime } from '../../onnx-runtime.js';

const size = 512;
const powers = program('powers', { inputs: { x: [size, size] } }, ({ x }) => {
  let y = x;
  for (let i = 0; i < 20; i++) y = y.matmul(x);
  return { outputs: { y: y.mean() } };
});
const runtime = await onnxRuntime({ device: 'cpu', threads: 2 });
const executable = await runtime.compile(powers);
const run = (): Promise<number> =>
  executable
    .run({ x: hostTensor([size, size], new Float32Array(size * size).fill(1 / size)) })
    .then(({ y }) => y!.read())
    .then(({ data }) => data[0]!);

void run().then((mean) => {
  process.stdout.write(`${(mean * size).toFixed(3)}\n`);
  void run().then(() => process.stdout.write('not reached\n'));
  setImmediate(() => process.exit(3));
});

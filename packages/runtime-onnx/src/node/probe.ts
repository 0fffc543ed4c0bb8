import { hostTensor, program } from '@flowmap/tensor';
import { reasonOf } from '../advice.js';
import type { Device } from '../devices.js';
import { onnxRuntime } from '../onnx-runtime.js';

/** The outcome of trying a device. */
export type Probe =
  | { readonly works: true; /** Speed of one float32 matrix product of 256 x 256 x 256. */ readonly gflops: number }
  | { readonly works: false; readonly reason: string };

const size = 256;
const runs = 5;

/**
 * `state <- x w + state`, with `x[i, k] = i mod 7` and `w[k, j] = j mod 5`, whose sums are integers and therefore
 * exact.
 */
const accumulate = program(
  'probe',
  { inputs: { x: [size, size], w: [size, size] }, state: { total: [size, size] } },
  ({ x, w }, { total }) => {
    const next = total.add(x.matmul(w));
    return { outputs: { corner: next.slice([size - 1, size - 1], [size, size]) }, state: { total: next } };
  },
);

/**
 * Opens a device, runs a small program with state on it, and compares every number of the result with the correct one.
 */
export async function probe(device: Device): Promise<Probe> {
  try {
    const runtime = await onnxRuntime({ device });
    const executable = await runtime.compile(accumulate);
    const square = (value: (row: number, column: number) => number): Float32Array =>
      Float32Array.from({ length: size * size }, (_, i) => value(Math.floor(i / size), i % size));
    const shape = [size, size];
    await executable.writeState({ total: hostTensor(shape, new Float32Array(size * size)) });
    const x = hostTensor(
      shape,
      square((row) => row % 7),
    );
    const w = hostTensor(
      shape,
      square((_, column) => column % 5),
    );

    let fastest = Infinity;
    for (let i = 0; i < runs; i++) {
      const start = performance.now();
      const { corner } = await executable.run({ x, w });
      await corner!.read();
      fastest = Math.min(fastest, performance.now() - start);
      corner!.dispose();
    }
    const { total } = await executable.readState();
    await executable.dispose();
    const wanted = square((row, column) => runs * size * (row % 7) * (column % 5));
    const wrong = wanted.findIndex((value, i) => value !== total!.data[i]);
    if (wrong >= 0) {
      const [got, right] = [total!.data[wrong], wanted[wrong]];
      return { works: false, reason: `a matrix product is wrong: ${String(got)} in place of ${String(right)}` };
    }
    return { works: true, gflops: (2 * size ** 3) / fastest / 1e6 };
  } catch (error) {
    return { works: false, reason: reasonOf(error instanceof Error ? (error.cause ?? error) : error) };
  }
}

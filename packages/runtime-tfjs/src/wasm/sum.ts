import type { Kernel } from '../device.js';
import type { TensorInfo } from '../tfjs.js';
import { namedInputs, type Wasm } from './wasm.js';

/**
 * Number of terms from which a sum is a sum of sums: the kernels add terms one after another, and the error grows with
 * their number.
 */
const longSum = 256;

/** Fewest terms per part for which a sum in parts pays off. */
const shortestPart = 16;

/** Most channels for pooling, which keeps a row of them on the wasm stack of 64 KiB without checking. */
const mostChannels = 1024;

/** Fewest channels for which pooling pays off. */
const fewestChannels = 4;

/**
 * Sum over the middle axis of `[outer, count, inner]`. The registered kernel adds adjacent elements one by one, and
 * transposes first if they are not adjacent; XNNPACK's average pooling adds vectors, 30 times as fast.
 */
export function sum({ heap, native }: Wasm): Kernel {
  const [plain, average, multiply] = [native('Sum'), native('AvgPool'), native('Multiply')];
  const plainSum = (x: TensorInfo, shape: number[]): TensorInfo =>
    plain({ x: { ...x, shape } }, { axis: [1], keepDims: false });

  const pooledSum = (x: TensorInfo, [outer, count, inner]: readonly [number, number, number]): TensorInfo => {
    const channels = divisorUpTo(mostChannels, inner);
    if (channels < Math.min(inner, fewestChannels)) return plainSum(x, [outer, count, inner]);
    const pixels = { ...x, shape: [outer, count, inner / channels, channels] };
    const mean = average({ x: pixels }, { filterSize: [count, 1], strides: [1, 1], pad: 'valid' });
    const size = heap.allocate([]);
    heap.view(size)[0] = count;
    const total = multiply({ a: { ...mean, shape: [outer, inner] }, b: size }, {});
    heap.release(mean);
    heap.release(size);
    // Pooling clamps, which turns NaN into -Infinity on some processors.
    if (!heap.view(total).includes(-Infinity)) return total;
    heap.release(total);
    return plainSum(x, [outer, count, inner]);
  };

  const sumInParts = (x: TensorInfo, [outer, count, inner]: readonly [number, number, number]): TensorInfo => {
    const part = divisorUpTo(longSum, count);
    if (part === count || part < shortestPart) return pooledSum(x, [outer, count, inner]);
    const sums = pooledSum(x, [(outer * count) / part, part, inner]);
    const total = sumInParts(sums, [outer, count / part, inner]);
    heap.release(sums);
    return total;
  };

  return (inputs, attributes) => {
    const { x } = namedInputs<'x'>(inputs);
    const [outer, count, inner] = x.shape as [number, number, number];
    if (x.dtype !== 'float32') return plain(inputs, attributes);
    if (inner > 1) return sumInParts(x, [outer, count, inner]);
    const width = divisorUpTo(64, count);
    if (count < longSum || width < fewestChannels) return plain(inputs, attributes);
    const columns = sumInParts(x, [outer, count / width, width]);
    const total = plainSum(columns, [outer, width, 1]);
    heap.release(columns);
    return total;
  };
}

/** Largest divisor of a number that is at most `most`. */
function divisorUpTo(most: number, number: number): number {
  let divisor = Math.min(most, number);
  while (number % divisor !== 0) divisor--;
  return divisor;
}

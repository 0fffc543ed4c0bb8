import type { Kernel } from '../device.js';
import type { TensorInfo } from '../tfjs.js';
import { namedInputs, type Wasm } from './kernels.js';

/** Terms from which on a sum over adjacent elements is split in two. */
const long = 256;

/**
 * Sum over the middle axis of `[outer, count, inner]`. The registered kernel adds adjacent elements one by one, and
 * transposes first where they are not adjacent; XNNPACK's average pooling adds vectors, 30 times as fast.
 */
export function sum({ backend, native }: Wasm): Kernel {
  const [plain, average, multiply] = [native('Sum'), native('AvgPool'), native('Multiply')];
  const release = (info: TensorInfo): void => void backend.disposeData(info.dataId);

  const pooled = (x: TensorInfo, [outer, count, inner]: readonly number[]): TensorInfo => {
    const pixels = { ...x, shape: [outer!, count!, 1, inner!] };
    const mean = average({ x: pixels }, { filterSize: [count, 1], strides: [1, 1], pad: 'valid' });
    const size = backend.makeOutput([], 'float32');
    backend.typedArrayFromHeap(size)[0] = count!;
    const total = multiply({ a: { ...mean, shape: [outer!, inner!] }, b: size }, {});
    release(mean);
    release(size);
    // Pooling clamps, which turns NaN into -Infinity on some processors.
    if (!(backend.typedArrayFromHeap(total) as Float32Array).includes(-Infinity)) return total;
    release(total);
    return plain({ x: { ...x, shape: [outer!, count!, inner!] } }, { axis: [1], keepDims: false });
  };

  return (inputs, attributes) => {
    const { x } = namedInputs<'x'>(inputs);
    const [outer, count, inner] = x.shape as [number, number, number];
    if (x.dtype !== 'float32') return plain(inputs, attributes);
    if (inner > 1) return pooled(x, x.shape);
    const width = widthOf(count);
    if (count < long || width === 1) return plain(inputs, attributes);
    const columns = pooled(x, [outer, count / width, width]);
    const total = plain({ x: columns }, { axis: [1], keepDims: false });
    release(columns);
    return { ...total, shape: [outer, 1] };
  };
}

/** Largest divisor up to 64. */
function widthOf(count: number): number {
  for (let width = 64; width > 1; width--) if (count % width === 0) return width;
  return 1;
}

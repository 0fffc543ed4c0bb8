import { hostTensor, sizeOf, type HostTensor, type HostTensors, type Shape } from '@flowmap/tensor';

/** The weights of `tools/reference/hashed_weights.py`, for tensors of these names and shapes. */
export function hashedWeights(shapes: Readonly<Record<string, Shape>>): Record<string, HostTensor> {
  const names = Object.keys(shapes).sort();
  return Object.fromEntries(names.map((name, i) => [name, hashedTensor(i, name, shapes[name]!)]));
}

function hashedTensor(number: number, name: string, shape: Shape): HostTensor {
  const isFactor = /\.weight$|_var$|\.lambda1$|\.gamma$/.test(name);
  const [middle, scale] =
    shape.length > 1 ? [0, shape[0] === 1 ? 0.5 : Math.sqrt(6 / sizeOf(shape.slice(1)))] : isFactor ? [1, 0.5] : [0, 0.2];
  const values = new Float32Array(sizeOf(shape));
  const first = Math.imul(number, 0x85ebca6b);
  for (let i = 0; i < values.length; i++) {
    let x = (Math.imul(i, 0x9e3779b1) + first) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
    x ^= x >>> 16;
    values[i] = middle + scale * ((x >>> 0) / 2 ** 31 - 1);
  }
  return hostTensor(shape, values);
}

/** 8-bit images of `tools/reference/hashed_weights.py` as samples in [-1, 1]: `[count, 3, size, size]`. */
export function waves(count: number, size: number): HostTensor {
  const data = new Float32Array(count * 3 * size * size);
  for (let i = 0, at = 0; i < count; i++) {
    for (let c = 0; c < 3; c++) {
      for (let y = 0; y < size; y++) {
        for (let x = 0; x < size; x++) {
          const pixel = Math.floor(128 + 127 * Math.sin(x / (5 + 3 * c + 20 * i) + y / (9 + 2 * c)));
          data[at++] = pixel / 127.5 - 1;
        }
      }
    }
  }
  return hostTensor([count, 3, size, size], data);
}

/** Largest difference between values and golden ones, as a share of the largest golden one. */
export function relativeError(got: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let [error, largest] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    error = Math.max(error, Math.abs(got[i]! - wanted[i]!));
    largest = Math.max(largest, Math.abs(wanted[i]!));
  }
  return got.length === wanted.length ? error / largest : NaN;
}

/** The tensors, with some of them replaced by others. */
export function replaced(tensors: HostTensors, changes: Readonly<Record<string, HostTensor | undefined>>): HostTensors {
  const entries = Object.entries({ ...tensors, ...changes }).filter(([, tensor]) => tensor !== undefined);
  return Object.fromEntries(entries) as HostTensors;
}

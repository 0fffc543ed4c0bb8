import { hostTensor, type HostTensor } from '@flowmap/tensor';

/** Tensors of equal shapes but for their number of rows, one after another. */
export function concatHostTensors(tensors: readonly HostTensor[]): HostTensor {
  const [first] = tensors;
  const rows = tensors.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const data = Float32Array.from(tensors.flatMap((tensor) => Array.from(tensor.data)));
  return hostTensor([rows, ...first!.shape.slice(1)], data);
}

/** The first rows of a tensor. */
export function firstRows({ shape, data }: HostTensor, count: number): HostTensor {
  const size = data.length / shape[0]!;
  return hostTensor([count, ...shape.slice(1)], data.slice(0, count * size) as Float32Array);
}

/** Mean and standard deviation of numbers. */
export function momentsOf(values: ArrayLike<number>): { readonly mean: number; readonly std: number } {
  const all = Array.from(values);
  const mean = all.reduce((a, b) => a + b, 0) / all.length;
  return { mean, std: Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length) };
}

/** Root mean square difference of two tensors' values where a mask is 1; everywhere unless given. */
export function rmsDifference(a: HostTensor, b: HostTensor, mask?: HostTensor): number {
  let [sum, count] = [0, 0];
  for (const [i, value] of a.data.entries()) {
    const weight = mask?.data[i] ?? 1;
    sum += weight * (value - b.data[i]!) ** 2;
    count += weight;
  }
  return Math.sqrt(sum / count);
}

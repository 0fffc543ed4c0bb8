import {
  hostTensor,
  normalBatch,
  program,
  type HostTensor,
  type HostTensors,
  type Runtime,
  type Tensor,
  type Tensors,
} from '@flowmap/tensor';

/** Normally distributed numbers in a shape. */
export function sample(shape: readonly number[], seed = 0): HostTensor {
  // The leading axis counts the samples of a batch; a scalar is one sample.
  return hostTensor(shape, normalBatch({ seed, purpose: 'test' }, [1, ...shape]));
}

/** Values of `f` on a runtime, as plain numbers. */
export async function evaluate(
  runtime: Runtime,
  feeds: HostTensors,
  f: (inputs: Tensors) => Tensor,
): Promise<number[]> {
  const executable = await runtime.compile(program('f', { inputs: feeds }, (inputs) => ({ outputs: { y: f(inputs) } })));
  const { y } = await executable.run(feeds);
  const { data } = await y!.read();
  y!.dispose();
  await executable.dispose();
  return Array.from(data);
}

/** Largest difference between two lists, relative to the largest magnitude in the second or to 1. */
export function difference(got: readonly number[], wanted: readonly number[]): number {
  if (got.length !== wanted.length) return Infinity;
  const scale = wanted.reduce((largest, x) => Math.max(largest, Math.abs(x)), 1);
  return got.reduce((largest, x, i) => (Object.is(x, wanted[i]) ? largest : Math.max(largest, Math.abs(x - wanted[i]!))), 0) / scale;
}

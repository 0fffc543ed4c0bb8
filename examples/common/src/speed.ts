import { batchSpecs, type Network } from '@flowmap/core';
import { countFlops, hostTensor, input, program, type Runtime, type Tensors, type TensorSpec } from '@flowmap/tensor';

const MATMUL_SIDE = 1024;
const WARM_UPS = 2;
const RUNS = 7;

/**
 * Speed of a 1024 x 1024 float32 matrix product on a runtime, in GFLOP/s: the median of 7 runs. It shows what the
 * machine can do at that moment, as a yardstick for a training step.
 */
export async function matmulGflops(runtime: Runtime): Promise<number> {
  const shape = [MATMUL_SIDE, MATMUL_SIDE];
  const product = program('matmul', { inputs: {}, state: { a: shape, b: shape } }, (_, { a, b }) => ({
    outputs: { product: a.matmul(b) },
  }));
  const executable = await runtime.compile(product);
  const values = Float32Array.from({ length: MATMUL_SIDE ** 2 }, (_, i) => Math.sin(i));
  await executable.writeState({ a: hostTensor(shape, values), b: hostTensor(shape, values) });
  const seconds: number[] = [];
  for (let run = 0; run < WARM_UPS + RUNS; run++) {
    const start = performance.now();
    const results = await executable.run({});
    if (run >= WARM_UPS) seconds.push((performance.now() - start) / 1000);
    results['product']?.dispose();
  }
  await executable.dispose();
  return (2 * MATMUL_SIDE ** 3) / median(seconds) / 1e9;
}

/** Floating-point operations to evaluate a network on a batch: its matrix products and convolutions. */
export function forwardFlops(network: Network, batchSize: number): number {
  const { config, parameters, conditions } = network;
  const output = network.apply(symbols(parameters), {
    x: input('x', [batchSize, ...config.shape], 'float32'),
    t: input('t', [batchSize], 'float32'),
    ...(config.interval ? { s: input('s', [batchSize], 'float32') } : {}),
    conditions: symbols(batchSpecs(conditions, batchSize)),
  });
  return countFlops([output]);
}

function symbols(specs: Readonly<Record<string, TensorSpec>>): Tensors {
  return Object.fromEntries(Object.entries(specs).map(([name, { shape, dtype }]) => [name, input(name, shape, dtype)]));
}

/** The median: the middle value, the mean of the two middle values for an even count; NaN for no values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.floor(half)]! + sorted[Math.ceil(half - 1)]!) / 2;
}

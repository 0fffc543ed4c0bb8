import { dtypes, guarded, requireKnownOptions, unroll, type Runtime } from '@flowmap/tensor';
import { deviceTensors, toHost, toValues } from './device-tensors.js';
import { compiled } from './executable.js';
import type { Values } from './values.js';

/**
 * The runtime that all others are compared with: interprets a program in plain TypeScript, in double precision. It
 * needs nothing but the language, runs every primitive, and gives bit-identical results on every machine with the same
 * `Math`. The result of every operation in float16 or bfloat16 is rounded; sums only once they are complete.
 *
 * @example
 * const executable = await referenceRuntime().compile(program('double', { inputs: { x: [2] } }, ({ x }) => ({ outputs: { y: x.add(x) } })));
 * const { y } = await executable.run({ x: hostTensor([2], [1, 2]) });
 * (await y!.read()).data; // Float64Array [2, 4]
 */
export function referenceRuntime(): Runtime {
  const tensors = deviceTensors();
  const executable = guarded<Values>({
    write: (tensor) => toValues(tensor).slice(),
    read: (values, spec) => toHost(spec, values),
    release: () => undefined,
  });
  return {
    name: 'reference',
    precision: 'float64',
    dtypes,
    async compile(program, options = {}) {
      requireKnownOptions('compile', options, { stepsPerRun: true, sharing: true });
      const { stepsPerRun = 1, sharing } = options;
      const run = unroll(program, stepsPerRun);
      return executable(run, sharing, () => compiled(run, tensors));
    },
  };
}

import type { Module } from '@flowmap/core';
import {
  freeze,
  hostTensor,
  program,
  requireKnownOptions,
  requireWhole,
  sameShape,
  sizeOf,
  type HostTensor,
  type HostTensors,
  type Runtime,
  type Shape,
  type Tensor,
} from '@flowmap/tensor';
import { FeatureError } from '../errors.js';
import { quickHashOf } from '../internal/sha256.js';
import type { Extractor } from './extractor.js';

/** Options of {@link moduleExtractor}. */
export interface ModuleExtractorOptions {
  /** Name in protocols. */
  readonly name: string;
  readonly runtime: Runtime;
  /** Maps samples `[batch, ...shape]` to features `[batch, width]`. */
  readonly module: Module<Tensor>;
  /** Constants of the program; they must not change as long as the extractor is in use. */
  readonly params: HostTensors;
  /** Shape of one sample as the module takes it. */
  readonly shape: Shape;
  /**
   * Converts the samples of one run, `[n, …]`, to that shape, so that no more of them are held than one run takes;
   * unless given, samples must have that shape already.
   */
  readonly prepare?: (samples: HostTensor) => HostTensor;
  /** Dtype of the samples as the module takes them; `float32` unless given. */
  readonly dtype?: 'float32' | 'int32';
  /** Samples per run of the program, at least 1; 64 unless given. */
  readonly batchSize?: number;
  /** How samples were resized to the shape; `none` unless given. */
  readonly resize?: string;
}

/**
 * An extractor from a module, compiled once for a runtime, that takes any number of samples. While the runtime computes
 * features of some, the next are prepared.
 *
 * @throws {ConfigError} for a batch size that is not a whole number >= 1
 * @throws what tracing and compiling do
 */
export async function moduleExtractor(
  options: ModuleExtractorOptions,
): Promise<Extractor & { dispose(): Promise<void> }> {
  requireKnownOptions('moduleExtractor', options, {
    name: true,
    runtime: true,
    module: true,
    params: true,
    shape: true,
    prepare: true,
    dtype: true,
    batchSize: true,
    resize: true,
  });
  const {
    name,
    runtime,
    module,
    params,
    shape,
    prepare = (samples: HostTensor) => samples,
    dtype = 'float32',
    batchSize = 64,
    resize = 'none',
  } = options;
  requireWhole('moduleExtractor.batchSize', batchSize);
  const args = { inputs: { x: { shape: [batchSize, ...shape], dtype } }, state: module.parameters };
  const built = program(name, args, ({ x }, state) => ({ outputs: { features: module.apply(state, x) } }));
  const executable = await runtime.compile(freeze(built, params, { copy: false }));
  const featuresOf = async (x: HostTensor): Promise<HostTensor> => {
    const { features } = await executable.run({ x });
    const values = await features!.read();
    features!.dispose();
    return values;
  };

  return {
    source: { extractor: name, weights: await hashOfParameters(params), resize },
    async extract(samples) {
      const [count, ...own] = samples.shape;
      if (!count) throw new FeatureError(name, `wanted at least one sample, got [${samples.shape.join(', ')}]`);
      const parts: HostTensor[] = [];
      let running: Promise<HostTensor> | undefined;
      for (let first = 0; first < count; first += batchSize) {
        const last = Math.min(count, first + batchSize);
        const data = samples.data.subarray(first * sizeOf(own), last * sizeOf(own));
        const given = prepare({ ...samples, shape: [last - first, ...own], data });
        if (!sameShape(given.shape.slice(1), shape) || given.dtype !== dtype) {
          const got = `${given.dtype} [${samples.shape.join(', ')}]`;
          throw new FeatureError(name, `wanted samples ${dtype} [count, ${shape.join(', ')}], got ${got}`);
        }
        const x = last - first === batchSize ? given : padded(given, [batchSize, ...shape]);
        const next = featuresOf(x); // the next part is prepared meanwhile
        next.catch(() => undefined); // reported when it is awaited, unless the previous one fails
        if (running !== undefined) parts.push(await running);
        running = next;
      }
      parts.push(await running!);
      const width = parts[0]!.shape[1]!;
      const values = new Float32Array(parts.length * batchSize * width);
      parts.forEach(({ data }, i) => values.set(data, i * batchSize * width));
      return hostTensor([count, width], values.slice(0, count * width));
    },
    dispose: () => executable.dispose(),
  };
}

/** Samples padded with zeros after the last. */
function padded({ data, dtype }: HostTensor, shape: Shape): HostTensor {
  const x = dtype === 'int32' ? new Int32Array(sizeOf(shape)) : new Float32Array(sizeOf(shape));
  x.set(data);
  return hostTensor(shape, x);
}

/** Hash of parameters in the order of their names. */
function hashOfParameters(params: HostTensors): Promise<string> {
  return quickHashOf(
    ...Object.keys(params)
      .sort()
      .map((name) => params[name]!.data),
  );
}

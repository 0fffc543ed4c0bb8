import {
  hostTensor,
  hostZeros,
  requireKnownOptions,
  requireRuntime,
  sizeOf,
  type Executable,
  type Feeds,
  type HostTensor,
  type HostTensors,
  type Runtime,
} from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import { withPrefix } from '../internal/names.js';
import { checkedModel, parametrizationOf, pathOf, type Model } from '../models/model.js';
import type { Network } from '../plugins.js';
import { flowMapSampler } from './flow-map-sampler.js';
import { heun } from './heun.js';
import { noiseOfSteps } from './noise-of-steps.js';
import { compileWithParameters } from './parameters.js';
import { checkedRows, rowsOf } from './rows.js';
import { carryKey, samplerProgram } from './sampler-program.js';
import { explicitArguments, type SampleArguments, type SampleRequest } from './sample-request.js';
import type { Sampler } from './sampler.js';

/** Options of {@link compileSampler}. */
export interface CompileSamplerOptions {
  /**
   * How points move along the grid; `flowMapSampler()` for a flow map and `heun()` for a velocity field unless given.
   */
  readonly sampler?: Sampler;
  /** Samples per run of the program. */
  readonly batchSize: number;
  /**
   * Steps in one run of the program; 1 unless given. More steps take longer to compile and save a few microseconds per
   * step. If the number of steps is not a multiple of this, the grid is padded with steps of length 0, which change
   * nothing but take as long.
   */
  readonly stepsPerCall?: number;
  /**
   * Whether the parameters are constants of the program, which a runtime can lay out in memory to suit its kernels.
   * Compiling then takes longer. True by default for up to 256 MiB of parameters. On onnxruntime's CPU in Node,
   * compiling takes memory for two copies of the matrices and one more of the largest, elsewhere for about four copies.
   * With false, sampling is slower, and two copies are kept.
   */
  readonly frozen?: boolean;
}

/** A sampler on a runtime, with the parameters on its device. */
export interface CompiledSampler {
  /**
   * Moves points along a grid. Calls may overlap.
   *
   * @param args noise and times, or numbers and names that they are made of
   * @returns the points at the last time, float32, shaped as the noise
   * @throws what {@link CompiledSampler.check} throws
   * @throws {RandomKeyError} for a seed or sample out of range
   */
  sample(args: SampleArguments | SampleRequest): Promise<HostTensor>;
  /**
   * Checks arguments of `sample` without sampling.
   *
   * @throws {ShapeError} for noise that is not `[count, ...shape]`
   * @throws {ConfigError} for conditions that the network lacks or does not take, invalid times, or no seed for a
   *   sampler that draws noise
   */
  check(args: SampleArguments | SampleRequest): void;
  /** Releases the program and the parameters. */
  dispose(): Promise<void>;
}

/**
 * Compiles a model's sampler and uploads its parameters, both once; then any number of samples on any grid can be
 * drawn. Between steps the points stay on the device.
 *
 * @param given the model to sample from
 * @throws {ConfigError} for an unknown option, a model whose parameters are not those of its network, a flow map
 *   sampler with a network without an interval input, or counts that are not whole numbers >= 1
 * @throws {UnsupportedError} for more frozen parameters than the runtime's programs can hold
 *
 * @example
 * const sampler = await compileSampler(runtime, model, { batchSize: 16 });
 * const points = await sampler.sample({ count: 16, seed: 0, steps: 4 });
 */
export async function compileSampler(
  runtime: Runtime,
  given: Model,
  options: CompileSamplerOptions,
): Promise<CompiledSampler> {
  requireRuntime('runtime', runtime);
  requireKnownOptions('compileSampler', options, { sampler: true, batchSize: true, stepsPerCall: true, frozen: true });
  const model = checkedModel('model', given);
  const { sampler = samplerOf(model), batchSize, stepsPerCall = 1, frozen } = options;
  const { network, params } = model;
  const program = samplerProgram(sampler, {
    network,
    path: pathOf(model),
    parametrization: parametrizationOf(model),
    batchSize,
    steps: stepsPerCall,
  });
  const executable = await compileWithParameters(runtime, program, params, frozen);
  return samplerWith(runtime, executable, sampler, model);
}

/** The default sampler for a kind of model. */
export function samplerOf({ kind }: Pick<Model, 'kind'>): Sampler {
  return kind === 'flowMap' ? flowMapSampler() : heun();
}

/** The sampler of a compiled sampler program. */
export function samplerWith(
  runtime: Runtime,
  executable: Executable,
  sampler: Sampler,
  { network, classes = [] }: { readonly network: Network; readonly classes?: readonly string[] },
): CompiledSampler {
  const { shape } = network.config;
  const { x, times: grid } = executable.program.inputs;
  const [batchSize, stepsPerCall] = [x!.shape[0]!, grid!.shape[0]! - 1];
  const size = sizeOf(shape);
  const array = runtime.precision === 'float64' ? Float64Array : Float32Array;
  const carry = Object.entries(sampler.carry?.([batchSize, ...shape]) ?? {});
  const zeros = Object.fromEntries(carry.map(([name, spec]) => [carryKey(name), hostZeros(spec)]));
  /** Checks the arguments; returns the rows of conditions as tensors, and the times of each call. */
  const checked = ({ times, seed, ...given }: SampleArguments): Checked => {
    const rows = checkedRows(network, given);
    const calls = timesOfCalls(times, stepsPerCall);
    if (sampler.draws && seed === undefined) {
      throw new ConfigError('seed', `wanted a whole number, as sampler '${sampler.name}' draws noise; got none`);
    }
    return { rows, calls };
  };
  const explicit = (args: SampleArguments | SampleRequest): SampleArguments =>
    explicitArguments(args, network, classes);
  return {
    check: (args) => void checked(explicit(args)),
    async sample(given) {
      const args = explicit(given);
      const { noise, times, seed, firstSample = 0 } = args;
      const { rows, calls } = checked(args);
      const [count = 0] = noise.shape;
      const out = new array(count * size);
      for (let first = 0; first < count; first += batchSize) {
        const x = array.from(noise.data.subarray(first * size, (first + batchSize) * size));
        const batch = new array(batchSize * size);
        batch.set(x);
        const part = withPrefix('conditions', rowsOf(rows, first, batchSize));
        const feedsOf = (call: number): Feeds => {
          const feeds = { ...part, times: calls[call]! };
          if (!sampler.draws || seed === undefined) return feeds;
          const firstStep = call * stepsPerCall;
          const steps = Math.min(stepsPerCall, times.length - 1 - firstStep);
          const place = { steps, samples: x.length / size, firstStep, firstSample: firstSample + first };
          return { ...feeds, noise: noiseOfSteps(seed, [stepsPerCall, batchSize, ...shape], place) };
        };
        const start = { x: hostTensor([batchSize, ...shape], batch), ...zeros };
        const points = await runCalls(executable, start, calls.length, feedsOf);
        out.set(points.data.subarray(0, x.length), first * size);
      }
      return hostTensor(noise.shape, out);
    },
    dispose: () => executable.dispose(),
  };
}

interface Checked {
  readonly rows: HostTensors;
  readonly calls: readonly HostTensor[];
}

/**
 * Runs the program once for each part of the grid, feeding its outputs back: the points, and what the sampler carries.
 */
async function runCalls(
  executable: Executable,
  start: Feeds,
  calls: number,
  feedsOf: (call: number) => Feeds,
): Promise<HostTensor> {
  let held = start;
  const release = (): void => {
    for (const tensor of Object.values(held)) if ('dispose' in tensor) tensor.dispose();
  };
  try {
    for (let call = 0; call < calls; call++) {
      const results: Feeds = await executable.run({ ...feedsOf(call), ...held });
      release();
      held = results;
    }
    const x = held['x']!;
    return 'read' in x ? await x.read() : x;
  } finally {
    release();
  }
}

/** The grid in overlapping parts of `steps + 1` times, the last part padded with the last time. */
function timesOfCalls(times: ArrayLike<number>, steps: number): HostTensor[] {
  const grid = Array.from(times);
  const wrong = grid.find((time) => !(time >= 0 && time <= 1));
  if (grid.length < 2 || wrong !== undefined) {
    const got = wrong === undefined ? `${grid.length} times` : `the time ${wrong}`;
    throw new ConfigError('times', `wanted at least two times in [0, 1], 1 = noise and 0 = data; got ${got}`);
  }
  const calls = Math.ceil((grid.length - 1) / steps);
  const last = grid.at(-1)!;
  return Array.from({ length: calls }, (_, call) =>
    hostTensor(
      [steps + 1],
      Float64Array.from({ length: steps + 1 }, (_, i) => grid[call * steps + i] ?? last),
    ),
  );
}

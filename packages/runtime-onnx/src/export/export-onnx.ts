import {
  checkedModel,
  ConfigError,
  euler,
  flowMapSampler,
  parametrizationOf,
  pathOf,
  samplerProgram,
  uniformGrid,
  type Model,
  type Sampler,
} from '@flowmap/core';
import {
  constant,
  freeze,
  hostZeros,
  inWords,
  requireKnownOptions,
  requireWhole,
  type Program,
  type Tensors,
} from '@flowmap/tensor';
import type { GraphProto } from 'onnx-buf';
import { fileOf, graphOf, requireOneOf, requireStorage, type ExportedOnnx, type StorageOptions } from './assemble.js';
import { withConstant, withCount, withDrawn } from './inside.js';
import { metadataOf } from './metadata.js';

/** Options of {@link exportOnnx}. */
export interface ExportOnnxOptions extends StorageOptions {
  /** Steps from noise to data, a whole number >= 1; the file contains them one after another. */
  readonly steps: number;
  /** How points move; `flowMapSampler()` for a flow map and `euler()` for a velocity field unless given. */
  readonly sampler?: Sampler;
  /**
   * `steps + 1` times in [0, 1], 1 = noise and 0 = data, that become part of the file; unless given, they are an
   * input `times`, so that one file serves any grid with its number of steps.
   */
  readonly times?: ArrayLike<number>;
  /**
   * `'input'`, the default: the file takes the noise from which samples are made. `'inside'`: it draws the noise
   * itself, with the runtime's random numbers, not those of our seeds, and differently in each run.
   */
  readonly noise?: 'input' | 'inside';
  /** Samples per run, for a file of this batch size alone; any number unless given. */
  readonly batchSize?: number;
}

/**
 * A model with its sampler as one ONNX file, to be run by any onnxruntime without Flowmap: standard operators of set 17.
 *
 * Its inputs are `noise [batch, ...shape]`, `times [steps + 1]` and the network's conditions under their names, a row
 * for each sample; its output is `samples [batch, ...shape]`. A sampler that noises points in its steps also takes
 * `step_noise [steps, batch, ...shape]`. With noise drawn inside there are as many samples as rows of conditions, or for
 * a model without conditions as the input `count`, `int64 [1]`, says.
 *
 * @throws {ConfigError} for an unknown option, anything but a model, a number out of its range, times that are not a
 *   grid, a flow map sampler with a velocity field, or a condition with the name of another input
 * @throws {UnsupportedError} for a network or sampler whose program differs in structure between batch sizes, naming
 *   the operator responsible; and for weights out of float16's range, or too large for the files
 *
 * @example
 * const { model } = exportOnnx(student, { steps: 2 });
 */
export function exportOnnx(given: Model, options: ExportOnnxOptions): ExportedOnnx {
  const model = checkedModel('model', given);
  requireKnownOptions('exportOnnx', options, {
    steps: true,
    sampler: true,
    times: true,
    noise: true,
    precision: true,
    batchSize: true,
    fileName: true,
    externalAbove: true,
    mostBytesPerFile: true,
  });
  const { steps, noise = 'input', batchSize } = options;
  const { sampler = model.kind === 'flowMap' ? flowMapSampler() : euler() } = options;
  requireWhole('steps', steps);
  if (batchSize !== undefined) requireWhole('batchSize', batchSize);
  requireOneOf('noise', noise, ['input', 'inside']);
  requireStorage(options);
  const times = options.times === undefined ? undefined : gridOf(options.times, steps);
  requireOwnNames(model);

  const graph = sampledGraph(model, sampler, { steps, noise, batchSize });
  const metadata = {
    ...metadataOf(model, options),
    'flowmap.sampler': JSON.stringify({ name: sampler.name, ...sampler.config }),
    'flowmap.steps': String(steps),
    // The decimals of a float32, not those of its value as a double.
    'flowmap.times': JSON.stringify(Array.from(times ?? uniformGrid(steps), (time) => Number(time.toPrecision(8)))),
    'flowmap.noise': noise === 'input' ? 'standard normal, an input' : "the runtime's own, drawn inside",
  };
  return fileOf(times ? withConstant(graph, 'times', times) : graph, options, metadata);
}

interface Sampled {
  readonly steps: number;
  readonly noise: 'input' | 'inside';
  readonly batchSize: number | undefined;
}

/** The sampler as a graph, with noise from the requested source. */
function sampledGraph(model: Model, sampler: Sampler, { steps, noise, batchSize }: Sampled): GraphProto {
  const [condition] = Object.keys(model.network.conditions);
  const isCounted = noise === 'inside' && batchSize === undefined && condition === undefined;
  const source = isCounted ? { value: 'count' } : { rowsOf: noise === 'inside' ? condition! : 'noise' };
  const programAt = (size: number): Program => {
    const program = samplerProgram(withinOneRun(sampler), {
      network: model.network,
      path: pathOf(model),
      parametrization: parametrizationOf(model),
      batchSize: size,
      steps,
    });
    return freeze(program, model.params, { copy: false });
  };
  const graph = graphOf({ programAt, nameOf, source }, batchSize);
  if (noise === 'input') return graph;
  const drawn = withDrawn(isCounted ? withCount(graph, 'count') : graph, 'noise');
  return sampler.draws ? withDrawn(drawn, 'step_noise') : drawn;
}

/** Names of a sampler program's inputs and outputs in the file. */
function nameOf(name: string): string {
  const names: Readonly<Record<string, string>> = { x: 'noise', 'output:x': 'samples', noise: 'step_noise' };
  return names[name] ?? name.replace(/^conditions\./, '');
}

/** A sampler for one trace of all its steps, with what it carries from step to step not among inputs and outputs. */
function withinOneRun(sampler: Sampler): Sampler {
  if (!sampler.carry) return sampler;
  const { name, config, needs, draws } = sampler;
  let carry: Tensors | undefined;
  return {
    name,
    config,
    needs,
    ...(draws ? { draws } : {}),
    step(field, x, t, s, extra) {
      const specs = Object.entries(sampler.carry!(x.shape));
      const zeros = specs.map(([key, spec]) => [key, constant(hostZeros(spec).data, spec.shape, spec.dtype)] as const);
      const next = sampler.step(field, x, t, s, { ...extra, carry: carry ?? Object.fromEntries(zeros) });
      if (!('carry' in next)) return next;
      carry = next.carry;
      return next.x;
    },
  };
}

function gridOf(times: ArrayLike<number>, steps: number): Float32Array<ArrayBuffer> {
  const grid = Float32Array.from(times);
  if (grid.length === steps + 1 && grid.every((time) => time >= 0 && time <= 1)) return grid;
  throw new ConfigError('times', `wanted ${steps + 1} times in [0, 1] for ${steps} steps, got ${inWords(times)}`);
}

/** @throws {ConfigError} for a condition with the name of another input */
function requireOwnNames({ network }: Model): void {
  const taken = ['noise', 'times', 'step_noise', 'samples', 'count'];
  const name = Object.keys(network.conditions).find((name) => taken.includes(name));
  if (name === undefined) return;
  throw new ConfigError(`conditions.${name}`, 'is the name of another input or output of an exported file');
}

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
import { freeze, hostZeros, inWords, requireKnownOptions, requireWhole, constant, type Tensors } from '@flowmap/tensor';
import type { GraphProto } from 'onnx-buf';
import { withoutBfloat16 } from '../bfloat16.js';
import { encodeModel } from '../encode-model.js';
import { webgpuRules } from '../lowering/webgpu.js';
import { lowered } from '../to-onnx.js';
import { dynamicBatch } from './dynamic-batch.js';
import { weightBytes, withExternalData, type OnnxDataFile } from './external-data.js';
import { withConstant, withCount, withDrawn } from './inside.js';
import { metadataOf } from './metadata.js';
import { withPrecision, type Precision } from './weights.js';

/** Options of {@link exportOnnx}. */
export interface ExportOnnxOptions {
  /** Steps from noise to data, a whole number >= 1; they stand one after the other in the file. */
  readonly steps: number;
  /** How points move; `flowMapSampler()` for a flow map and `euler()` for a velocity field unless given. */
  readonly sampler?: Sampler;
  /**
   * `steps + 1` times in [0, 1], 1 = noise and 0 = data, that become part of the file; an input `times` unless given,
   * with which one file serves any grid of its number of steps.
   */
  readonly times?: ArrayLike<number>;
  /**
   * `'input'`, the default: the file takes the noise from which samples are made. `'inside'`: it draws the noise itself,
   * with the runtime's random numbers and so not those of our seeds, other ones in each run.
   */
  readonly noise?: 'input' | 'inside';
  /**
   * How the file holds its weights; `float32` unless given. All is computed in float32: `float16` halves the file,
   * `int8` (a scale for each channel) quarters it.
   */
  readonly precision?: Precision;
  /** Samples per run, for a file of this batch size alone; any number unless given. */
  readonly batchSize?: number;
  /** Name of the file, after which those of external data are named; `model.onnx` unless given. */
  readonly fileName?: string;
  /** Bytes of weights above which they go into files of their own; 1.5e9 unless given, and at most that. */
  readonly externalAbove?: number;
  /** Most bytes of such a file; 2e9 unless given, and at most that. */
  readonly mostBytesPerFile?: number;
}

/** An exported model. */
export interface ExportedOnnx {
  /** The content of the `.onnx` file. */
  readonly model: Uint8Array<ArrayBuffer>;
  /** Files of weights that belong beside it; none unless there are many weights. */
  readonly externalData: readonly OnnxDataFile[];
  /** What the file says about itself, its `metadata_props`. */
  readonly metadata: Readonly<Record<string, string>>;
}

const LARGEST = { externalAbove: 1.5e9, mostBytesPerFile: 2e9 };

/** Batch sizes that no other extent is likely to be a multiple of. */
const BATCH_SIZES = [101, 103] as const;

/**
 * A model with its sampler as one ONNX file, to be run by any onnxruntime without Flowmap: standard operators of set 17.
 *
 * Its inputs are `noise [batch, ...shape]`, `times [steps + 1]` and the network's conditions under their names, a row
 * for each sample; its output is `samples [batch, ...shape]`. A sampler that noises points in its steps also takes
 * `step_noise [steps, batch, ...shape]`. With noise drawn inside there are as many samples as rows of conditions, or for
 * a model without conditions as the input `count`, `int64 [1]`, says.
 *
 * @throws {ConfigError} for an unknown option, what is no model, a number out of its range, times that are no grid, a
 *   flow map sampler with a velocity field, or a condition with the name of another input
 * @throws {UnsupportedError} for a network or sampler that is another program for each batch size, naming the operator
 *   that is the reason; and for weights beyond float16 or in files that are too small for one
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
  const { steps, noise = 'input', precision = 'float32', batchSize, fileName = 'model.onnx' } = options;
  const { sampler = model.kind === 'flowMap' ? flowMapSampler() : euler() } = options;
  const { externalAbove = LARGEST.externalAbove, mostBytesPerFile = LARGEST.mostBytesPerFile } = options;
  requireWhole('steps', steps);
  if (batchSize !== undefined) requireWhole('batchSize', batchSize);
  requireOneOf('noise', noise, ['input', 'inside']);
  requireOneOf('precision', precision, ['float32', 'float16', 'int8']);
  requireAtMost('externalAbove', externalAbove, 0, LARGEST.externalAbove);
  requireAtMost('mostBytesPerFile', mostBytesPerFile, 1, LARGEST.mostBytesPerFile);
  requireFileName(fileName);
  const times = options.times === undefined ? undefined : gridOf(options.times, steps);
  requireOwnNames(model);

  let graph = graphOf(model, sampler, { steps, noise, batchSize });
  if (times) graph = withConstant(graph, 'times', times);
  graph = withPrecision(graph, precision);
  const split =
    weightBytes(graph) > externalAbove ? withExternalData(graph, fileName, mostBytesPerFile) : { graph, files: [] };
  const metadata = metadataOf(model, sampler, { steps, times: times ?? uniformGrid(steps), noise, precision });
  return { model: encodeModel(split.graph, [], undefined, metadata), externalData: split.files, metadata };
}

interface Traced {
  readonly steps: number;
  readonly noise: 'input' | 'inside';
  readonly batchSize: number | undefined;
}

/** The sampler as a graph, with noise from where it is wanted. */
function graphOf(model: Model, sampler: Sampler, { steps, noise, batchSize }: Traced): GraphProto {
  const traced = (size: number): GraphProto => tracedGraph(model, sampler, steps, size);
  const [condition] = Object.keys(model.network.conditions);
  const isCounted = noise === 'inside' && batchSize === undefined && condition === undefined;
  const source = isCounted ? { value: 'count' } : { rowsOf: noise === 'inside' ? condition! : 'noise' };
  const graphs = (): readonly [GraphProto, GraphProto] => [traced(BATCH_SIZES[0]), traced(BATCH_SIZES[1])];
  let graph =
    batchSize === undefined ? dynamicBatch({ graphs: graphs(), batchSizes: BATCH_SIZES, source }) : traced(batchSize);
  if (isCounted) graph = withCount(graph, 'count');
  if (noise === 'input') return graph;
  graph = withDrawn(graph, 'noise');
  return sampler.draws ? withDrawn(graph, 'step_noise') : graph;
}

function tracedGraph(model: Model, sampler: Sampler, steps: number, batchSize: number): GraphProto {
  const program = samplerProgram(withinOneRun(sampler), {
    network: model.network,
    path: pathOf(model),
    parametrization: parametrizationOf(model),
    batchSize,
    steps,
  });
  const frozen = withoutBfloat16(freeze(program, model.params, { copy: false }));
  const { graph, inputs, outputs } = lowered(frozen, webgpuRules, nameOf);
  return graph.finish(program.name, inputs, outputs);
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

function requireOneOf(option: string, given: string, known: readonly string[]): void {
  if (known.includes(given)) return;
  throw new ConfigError(option, `wanted one of ${known.join(', ')}; got ${inWords(given)}`);
}

function requireAtMost(option: string, given: number, least: number, most: number): void {
  if (given >= least && given <= most) return;
  throw new ConfigError(option, `wanted a number of bytes from ${least} to ${most}, got ${inWords(given)}`);
}

function requireFileName(name: string): void {
  if (name !== '' && name !== '.' && name !== '..' && !/[\\/\0]/.test(name)) return;
  throw new ConfigError('fileName', `wanted the name of a file without its folder, got ${inWords(name)}`);
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

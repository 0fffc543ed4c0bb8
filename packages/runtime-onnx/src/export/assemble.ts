import { ConfigError } from '@flowmap/core';
import { inWords, type Program } from '@flowmap/tensor';
import type { GraphProto } from 'onnx-buf';
import { withoutBfloat16 } from '../bfloat16.js';
import { encodeModel } from '../encode-model.js';
import { webgpuRules } from '../lowering/webgpu.js';
import { lowered } from '../to-onnx.js';
import { dynamicBatch, type TracedTwice } from './dynamic-batch.js';
import { weightBytes, withExternalData, type OnnxDataFile } from './external-data.js';
import { withPrecision, type Precision } from './weights.js';

/** How a file holds its weights. */
export interface StorageOptions {
  /**
   * How the file holds its weights; `float32` unless given. Everything is computed in float32: `float16` halves
   * the file, `int8` (a scale for each channel) quarters it.
   */
  readonly precision?: Precision;
  /** Name of the file, after which those of external data are named; `model.onnx` unless given. */
  readonly fileName?: string;
  /** Bytes of weights above which they go into files of their own; 1.5e9 unless given, and at most that. */
  readonly externalAbove?: number;
  /** The most bytes of such a file; 2e9 unless given, and at most that. */
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

/** A program for a batch size, and how it becomes a graph. */
export interface Traceable {
  /** The program for a batch of some size, without states. */
  readonly programAt: (batchSize: number) => Program;
  /** Names of its inputs and outputs in the file. */
  readonly nameOf: (name: string) => string;
  /** Where the batch size comes from. */
  readonly source: TracedTwice['source'];
}

/**
 * The graph of a program, for one batch size or, if undefined, any.
 *
 * @throws {UnsupportedError} for a program that differs in structure from one batch size to another
 */
export function graphOf({ programAt, nameOf, source }: Traceable, batchSize: number | undefined): GraphProto {
  const traced = (size: number): GraphProto => {
    const program = withoutBfloat16(programAt(size));
    // These rules are exact on a GPU and on the CPU, and use only standard operators.
    const { graph, inputs, outputs } = lowered(program, webgpuRules, nameOf);
    return graph.finish(program.name, inputs, outputs);
  };
  if (batchSize !== undefined) return traced(batchSize);
  const [first, second] = BATCH_SIZES;
  return dynamicBatch({ graphs: [traced(first), traced(second)], batchSizes: BATCH_SIZES, source });
}

/**
 * Checks how a file is to hold its weights.
 *
 * @throws {ConfigError} for an unknown precision, a number out of its range, or an invalid file name
 */
export function requireStorage(options: StorageOptions): void {
  const { precision = 'float32', fileName = 'model.onnx' } = options;
  requireOneOf('precision', precision, ['float32', 'float16', 'int8']);
  for (const [name, most] of Object.entries(LARGEST)) {
    const given = options[name as keyof typeof LARGEST] ?? most;
    const least = name === 'externalAbove' ? 0 : 1;
    if (given >= least && given <= most) continue;
    throw new ConfigError(name, `wanted a number of bytes from ${least} to ${most}, got ${inWords(given)}`);
  }
  if (fileName === '' || fileName === '.' || fileName === '..' || /[\\/\0]/.test(fileName)) {
    throw new ConfigError('fileName', `wanted the name of a file without its folder, got ${inWords(fileName)}`);
  }
}

/** @throws {ConfigError} for an unknown value */
export function requireOneOf(option: string, given: string, known: readonly string[]): void {
  if (known.includes(given)) return;
  throw new ConfigError(option, `wanted one of ${known.join(', ')}; got ${inWords(given)}`);
}

/** The file of a graph, with its weights in the requested form. */
export function fileOf(graph: GraphProto, options: StorageOptions, metadata: ExportedOnnx['metadata']): ExportedOnnx {
  const { precision = 'float32', fileName = 'model.onnx' } = options;
  const { externalAbove, mostBytesPerFile } = { ...LARGEST, ...options };
  const stored = withPrecision(graph, precision);
  if (weightBytes(stored) <= externalAbove) {
    return { model: encodeModel(stored, [], undefined, metadata), externalData: [], metadata };
  }
  const split = withExternalData(stored, fileName, mostBytesPerFile);
  return { model: encodeModel(split.graph, [], undefined, metadata), externalData: split.files, metadata };
}

import {
  causeText,
  FeedError,
  inWords,
  requireKnownOptions,
  requireWhole,
  specText,
  type HostData,
  type HostTensor,
  type HostTensors,
  type Tensor,
  type Tensors,
  type TensorSpec,
} from '@flowmap/tensor';
import type { ModelProto, TensorProto, TensorShapeProto_Dimension, ValueInfoProto } from 'onnx-buf';
import { ConfigError } from '@flowmap/core';
import { shown } from '../onnx-model-error.js';
import type { OnnxValue } from '../open-onnx.js';
import { checkModel, functionKey } from './check-graph.js';
import { elementTypeOf, nameOfType, type ElementType } from './element-types.js';
import { OnnxImportError } from './import-error.js';
import { readModel } from './read-model.js';
import { readTensor, type ReadExternal } from './read-tensor.js';
import { traceGraph, type Tracing } from './trace.js';
import { traced, type Known, type Value } from './value.js';
import { addStoredWeights, likelyTrained, type Weights } from './weights.js';

/** Options of {@link importOnnx}. */
export interface ImportOnnxOptions {
  /** The files of weights beside the model, by the names that it has for them; none unless given. */
  readonly external?: Readonly<Record<string, Uint8Array>>;
  /** Its name in error messages; its number of bytes unless given. */
  readonly source?: string;
  /**
   * Which of its float tensors are parameters; the others are constants. Unless given, those that are likely to have
   * been trained: operands of products, convolutions and norms, and floats with more than one number, but no running
   * means or variances, scales and bounds.
   */
  readonly trained?: (name: string, spec: TensorSpec) => boolean;
  /**
   * The most nodes from which a program is traced, counting those in loops and functions each time; 100,000 unless
   * given. A small file can describe many.
   */
  readonly maxNodes?: number;
}

/** An ONNX model as a function over symbolic tensors, which is differentiable in every order. */
export interface ImportedOnnx {
  /** What it takes, by name. */
  readonly inputs: Readonly<Record<string, OnnxValue>>;
  /** Its outputs by name, according to the file; tracing does not rely on this. */
  readonly outputs: Readonly<Record<string, OnnxValue>>;
  /** Its trained tensors by name. They share no memory with anything else. */
  readonly parameters: HostTensors;
  /** What the file says about itself. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The version of the standard operators in which it is written. */
  readonly opset: number;
  /**
   * Traces the model for inputs of given shapes: everything that follows from them is computed now.
   *
   * @param params symbolic stand-ins for {@link parameters}; those that are left out are constants
   * @param inputs every input by its name; integers of any size are `int32`
   * @returns every output by its name
   * @throws {FeedError} for a missing or unknown input or parameter, or one of a wrong dtype, rank or extent
   * @throws {OnnxImportError} for a node that cannot be traced for these shapes, by name and position
   */
  apply(params: Tensors, inputs: Tensors): Record<string, Tensor>;
}

/**
 * Reads an ONNX model as a function that can be traced, differentiated, trained and exported: what the exporters of
 * PyTorch and TensorFlow write for MLPs, convolutional networks and transformers, in operator sets 13 to 22. Nothing is
 * run, and onnxruntime is not needed.
 *
 * @param bytes the whole `.onnx` file; it must not change while the model is in use
 * @throws {OnnxImportError} for a file that is damaged, and for operators, types or tensors that cannot be imported
 * @throws {ConfigError} for an unknown option or a value out of its range
 *
 * @example
 * const network = importOnnx(await readFile('unet.onnx'));
 * const points = { sample: input('sample', [2, 3, 24, 24]), timestep: input('timestep', [2]) };
 * const { out_sample } = network.apply({}, points); // all parameters are constants
 */
export function importOnnx(bytes: Uint8Array, options: ImportOnnxOptions = {}): ImportedOnnx {
  requireKnownOptions('importOnnx', options, { external: true, source: true, trained: true, maxNodes: true });
  if (!(bytes instanceof Uint8Array))
    throw new ConfigError('importOnnx.bytes', `wanted a Uint8Array, got ${inWords(bytes)}`);
  const { external = {} } = options;
  return importModel(bytes, options, ({ location, offset, length }) => {
    const file = Object.hasOwn(external, location) ? external[location] : undefined;
    return file?.subarray(offset, offset + length);
  });
}

/** As {@link importOnnx}, with the files beside the model read as they are needed. */
export function importModel(
  bytes: Uint8Array,
  options: Omit<ImportOnnxOptions, 'external'>,
  read: ReadExternal,
): ImportedOnnx {
  const { source = `of ${bytes.byteLength} bytes`, maxNodes = 100_000 } = options;
  requireWhole('importOnnx.maxNodes', maxNodes);
  const file = readModel(bytes, source);
  const { model, graph, opset } = file;
  const functions = new Map(model.functions.map((one) => [functionKey(one), one]));
  checkModel(file, source, functions);

  const weights: Weights = new Map(graph.initializer.map((tensor) => [tensor.name, numbersOf(tensor)]));
  const given = graph.input.filter(({ name }) => !weights.has(name));
  const inputs = new Map(given.map((value) => [value.name, inputOf(value, source)]));
  const sources = addStoredWeights(graph, weights);
  const likely = likelyTrained(graph, weights, new Set([...sources.values()].flat()));
  const chosen = [...weights].filter(([name, { type, shape }]) => {
    if (!type.isFloat || shape.includes(0)) return false;
    return options.trained ? options.trained(name, { shape, dtype: type.dtype }) : likely.has(name);
  });
  const specs = new Map(chosen);
  // What a parameter is widened to follows from it, unless it is one itself.
  const changing = new Set(specs.keys());
  for (const [name, own] of sources) {
    if (specs.has(name) || !own.some((source) => changing.has(source))) continue;
    weights.delete(name);
    changing.add(name);
  }
  let parameters: HostTensors | undefined;
  const constants = new Map<TensorProto, Known>();

  function numbersOf(tensor: TensorProto): Known {
    return readTensor(tensor, read, (problem) => {
      throw new OnnxImportError(source, `the tensor '${shown(tensor.name)}' ${problem}`);
    });
  }

  function tensorOf(tensor: TensorProto): Known {
    const value = constants.get(tensor) ?? numbersOf(tensor);
    constants.set(tensor, value);
    return value;
  }

  const network: ImportedOnnx = {
    inputs: Object.fromEntries([...inputs].map(([name, { value }]) => [name, value])),
    outputs: Object.fromEntries(graph.output.map((value) => [value.name, outputOf(value)])),
    get parameters() {
      parameters ??= Object.fromEntries(chosen.map(([name, value]) => [name, hostTensorOf(value)]));
      return parameters;
    },
    metadata: Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value])),
    opset,
    apply(params, feeds) {
      const values = new Map<string, Value>(weights);
      for (const [name, tensor] of Object.entries(params)) {
        const known = specs.get(name);
        if (known === undefined) throw new FeedError(shown(source), name, `it has no parameter '${shown(name)}'`);
        const own = { shape: known.shape, dtype: known.type.dtype };
        if (own.shape.join() !== tensor.shape.join() || own.dtype !== tensor.dtype) {
          throw new FeedError(
            shown(source),
            name,
            `parameter '${shown(name)}' is ${specText(own)}, got ${specText(tensor)}`,
          );
        }
        values.set(name, traced(known.type, tensor));
      }
      for (const [name, value] of feedsOf(source, inputs, feeds)) values.set(name, value);
      const tracing: Tracing = { source, functions, tensorOf, left: maxNodes, numbers: MOST_NUMBERS };
      const results = traceGraph(tracing, graph, opset, values);
      return Object.fromEntries(graph.output.map(({ name }, i) => [name, outputTensor(source, name, results[i]!)]));
    },
  };
  contents.set(network, { model, parameters: specs, read });
  return network;
}

/** Numbers that are computed from constants and shapes while a program is traced, in about a second. */
const MOST_NUMBERS = 2 ** 24;

function outputTensor(source: string, name: string, value: Value): Tensor {
  try {
    return value.tensor;
  } catch (cause) {
    throw new OnnxImportError(source, `the output '${shown(name)}': ${causeText(cause)}`, undefined, { cause });
  }
}

/** The source from which an imported model was read. */
export interface Contents {
  readonly model: ModelProto;
  /** Its parameters, by name. */
  readonly parameters: ReadonlyMap<string, Known>;
  readonly read: ReadExternal;
}

const contents = new WeakMap<ImportedOnnx, Contents>();

/** The source from which a model was read, to be written again. */
export function contentsOf(network: ImportedOnnx): Contents | undefined {
  return contents.get(network);
}

interface Input {
  readonly type: ElementType;
  readonly value: OnnxValue;
}

function inputOf({ name, type }: ValueInfoProto, source: string): Input {
  const fail = (problem: string): never => {
    throw new OnnxImportError(source, `the input '${shown(name)}' ${problem}`);
  };
  if (type?.value.case !== 'tensorType') return fail('is no tensor');
  const { elemType, shape } = type.value.value;
  const element = elementTypeOf(elemType) ?? fail(`has elements of type ${nameOfType(elemType)}`);
  if (shape === undefined) return fail('has no shape');
  const large = shape.dim.find(({ value }) => value.case === 'dimValue' && value.value >= 2n ** 31n);
  if (large !== undefined) fail(`has an extent of ${String(large.value.value)}`);
  return { type: element, value: valueOf(element, shape.dim) };
}

function outputOf({ type }: ValueInfoProto): OnnxValue {
  const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
  return valueOf(elementTypeOf(tensor?.elemType ?? 0), tensor?.shape?.dim ?? []);
}

function valueOf(type: ElementType | undefined, dimensions: readonly TensorShapeProto_Dimension[]): OnnxValue {
  const shape = dimensions.map(({ value }) => {
    if (value.case === 'dimValue') return value.value > 0n ? Number(value.value) : null; // some write -1 for any
    return value.case === 'dimParam' && value.value !== '' ? value.value : null;
  });
  return { dtype: type?.dtype ?? 'float32', shape };
}

/** Checks inputs against what the model takes; an extent with a name is the same wherever the name is. */
function feedsOf(source: string, inputs: ReadonlyMap<string, Input>, feeds: Tensors): [string, Value][] {
  const names = [...inputs.keys()].map((name) => shown(name)).join(', ') || 'none';
  const unknown = Object.keys(feeds).find((name) => !inputs.has(name));
  if (unknown !== undefined) {
    throw new FeedError(shown(source), unknown, `unknown input '${shown(unknown)}'; it takes: ${names}`);
  }
  const sizes = new Map<string, number>();
  return [...inputs].map(([name, { type, value }]) => {
    const { dtype, shape } = value;
    const wanted = `${dtype} [${shape.map((extent) => extent ?? 'any').join(', ')}]`;
    const feed = Object.hasOwn(feeds, name) ? feeds[name] : undefined;
    const refuse = (problem: string): never => {
      throw new FeedError(shown(source), name, `input '${shown(name)}' (${shown(wanted)}) ${problem}`);
    };
    if (feed === undefined) return refuse(`is missing; it takes: ${names}`);
    const fits = (extent: number | string | null, axis: number): boolean => {
      const own = feed.shape[axis]!;
      if (typeof extent !== 'string') return extent === null || extent === own;
      const known = sizes.get(extent) ?? own;
      sizes.set(extent, own);
      return known === own;
    };
    if (feed.dtype !== dtype || feed.shape.length !== shape.length || !shape.every(fits))
      refuse(`got ${specText(feed)}`);
    return [name, traced(type, feed)];
  });
}

/** The numbers of a value as a host tensor of its own. */
function hostTensorOf({ type, shape, data }: Known): HostTensor {
  return { shape, dtype: type.dtype, data: data as HostData };
}

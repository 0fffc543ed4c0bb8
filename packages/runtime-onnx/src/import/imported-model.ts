import {
  classConditions,
  collect,
  ConfigError,
  defineNetwork,
  dense,
  registerNetwork,
  timeFeatures,
  type ConditionSpec,
  type InitialSpecs,
  type Model,
  type Network,
  type NetworkConfig,
  type VelocityField,
} from '@flowmap/core';
import {
  input,
  inWords,
  quoted,
  requireKnownOptions,
  sizeOf,
  type HostTensor,
  type Tensor,
  type Tensors,
} from '@flowmap/tensor';
import { contentsOf, importModel, type ImportedOnnx } from './import-onnx.js';
import { checkedMapping, importedPredictor, mappingOptions, type ImportMapping } from './mapping.js';
import { predictionOptions, velocityOf, type ImportedPrediction } from './prediction.js';
import { ABSENT, skeletonOf } from './skeleton.js';

/** What an imported network takes and predicts. */
export type ImportedVelocityOptions = ImportMapping & ImportedPrediction;

/**
 * An imported network as a velocity field: a teacher whose graph is fused into training and differentiated with it.
 *
 * @throws {ConfigError} for names, times and predictions that do not fit the file, with the mapping that was tried
 *
 * @example
 * const network = await importOnnxFile('unet.onnx');
 * const teacher = importedVelocity(network, { x: 'sample', t: 'timestep', timeScale: 1000, prediction: 'noise', noise: { name: 'vp' } });
 */
export function importedVelocity(network: ImportedOnnx, options: ImportedVelocityOptions): VelocityField {
  requireKnownOptions('importedVelocity', options, { ...mappingOptions, ...predictionOptions });
  const { prediction, noise, dataScale, sigmaData, ...mapping } = options;
  const given = Object.entries({ prediction, noise, dataScale, sigmaData }).filter(([, value]) => value !== undefined);
  checkedMapping('importedVelocity', network, mapping);
  return velocityOf('importedVelocity', importedPredictor(network, mapping), Object.fromEntries(given));
}

/** Options of {@link importedModel}. */
export type ImportedModelOptions = ImportedVelocityOptions & {
  /** Shape of one sample; unless given, that of the file's points if the file states it. */
  readonly shape?: readonly number[];
  /** Names of the classes that its condition `label` takes; none unless given. */
  readonly classes?: readonly string[];
};

/** The type of imported networks in checkpoints. */
const TYPE = 'onnx';

/** Everything needed to rebuild an imported network except its parameters. */
interface ImportedConfig extends NetworkConfig {
  /** The graph without its parameters, an ONNX model in base64. */
  readonly graph: string;
  /** The parameters by name, each with its root mean square, with which new values are drawn. */
  readonly parameters: Readonly<Record<string, number>>;
  readonly mapping: ImportedVelocityOptions;
  readonly conditions: Readonly<Record<string, ConditionSpec>>;
}

/**
 * An imported network as a model, which can be trained further, distilled, sampled, saved and exported like any other. A
 * file with an input for target times is a flow map.
 *
 * Its checkpoints hold the graph; a program that loads them calls {@link registerImportedNetworks} first. As the
 * student of a distillation (`flowMapFrom`), it gets the interval only at its input and output: as a shift of each
 * channel of its points, and a scale and shift of each channel of its velocity, all of which start without effect.
 *
 * @throws {ConfigError} for names, times and predictions that do not fit the file, a shape that the file does not
 *   state, and constants that are too large for a checkpoint
 *
 * @example
 * const teacher = importedModel(await importOnnxFile('unet.onnx'), { x: 'sample', t: 'timestep', timeScale: 1000 });
 * await saveModel('unet.safetensors', teacher);
 */
export function importedModel(network: ImportedOnnx, options: ImportedModelOptions): Model {
  requireKnownOptions('importedModel', options, {
    ...mappingOptions,
    ...predictionOptions,
    shape: true,
    classes: true,
  });
  const { shape: given, classes = [], ...mapping } = options;
  importedVelocity(network, mapping);
  const isFlowMap = mapping.s !== undefined;
  if (isFlowMap && (mapping.prediction ?? 'velocity') !== 'velocity') {
    throw new ConfigError('importedModel.prediction', 'a file with target times predicts a mean velocity');
  }
  const shape = given ?? network.inputs[mapping.x]!.shape.slice(1);
  if (shape.length === 0 || !shape.every((extent) => typeof extent === 'number')) {
    throw new ConfigError(
      'importedModel.shape',
      `the file does not say the shape of a sample, [${shape.join(', ')}]; give it`,
    );
  }
  const contents = contentsOf(network);
  if (contents === undefined)
    throw new ConfigError('importedModel.network', `wanted a model from importOnnx, got ${inWords(network)}`);
  const graph = base64Of(skeletonOf(contents));
  if (graph.length > MOST_GRAPH) {
    throw new ConfigError(
      'importedModel',
      `its graph and constants take ${graph.length} characters, more than ${MOST_GRAPH}; let \`trained\` of importOnnx name its large tensors`,
    );
  }
  const { parameters } = network;
  const params = Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, widened(value)]));
  const config: ImportedConfig = {
    type: TYPE,
    shape,
    interval: isFlowMap,
    graph,
    parameters: Object.fromEntries(Object.entries(params).map(([name, value]) => [name, rootMeanSquare(value)])),
    mapping,
    conditions: conditionsOf(network, mapping, classes),
  };
  registerImportedNetworks();
  return { kind: isFlowMap ? 'flowMap' : 'velocity', network: networkOf(config), params, classes };
}

/** More would not fit in the header of a checkpoint. */
const MOST_GRAPH = 3 * 2 ** 20;

let isRegistered = false;

/** Makes checkpoints of imported networks loadable, in the whole program. */
export function registerImportedNetworks(): void {
  if (isRegistered) return;
  registerNetwork(TYPE, (config) => networkOf(config as ImportedConfig));
  isRegistered = true;
}

/** The network that a configuration describes; the configuration may come from a file. */
function networkOf(config: ImportedConfig): Network<ImportedConfig> {
  const { graph, parameters: scales, mapping, conditions, shape, interval } = config;
  if (typeof graph !== 'string' || graph.length > MOST_GRAPH || typeof scales !== 'object') {
    throw new ConfigError('onnx.graph', `wanted a graph of at most ${MOST_GRAPH} characters, got ${quoted(graph)}`);
  }
  const file = importModel(
    bytesOf(graph),
    { source: 'in a checkpoint', trained: (name) => Object.hasOwn(scales, name) },
    ({ location }) => (location === ABSENT ? 'absent' : undefined),
  );
  const known = contentsOf(file)!.parameters;
  const own: InitialSpecs = Object.fromEntries(
    Array.from(known, ([name, value]) => [name, { shape: value.shape, std: scales[name] ?? 0 }]),
  );
  const field = importedVelocity(file, mapping);
  const isTold = interval && mapping.s === undefined;
  const borders = isTold ? bordersOf(shape[0] ?? 1) : undefined;
  const taken = borders && Object.keys(borders.parameters).find((name) => known.has(name));
  if (taken !== undefined)
    throw new ConfigError('onnx.parameters', `the file has a parameter ${quoted(taken)} of its own`);
  return defineNetwork(
    config,
    { ...own, ...borders?.parameters },
    (params, inputs) => {
      const file = Object.fromEntries(
        Array.from(known, ([name, value]) => [name, params[name]!.cast(value.type.dtype)]),
      );
      if (borders === undefined) return field.velocity(file, inputs);
      const { x, t, s } = inputs;
      if (s === undefined) throw new ConfigError('s', 'a network with an interval input needs target times');
      const { shift, gain, rest } = borders.apply(params, t.sub(s), x);
      return field
        .velocity(file, { ...inputs, x: x.add(shift) })
        .mul(gain)
        .add(rest);
    },
    { conditions },
  );
}

/** Width of the layers that get the interval. */
const WIDTH = 64;

/** How a network gets the interval at its input and output: numbers for each channel, without effect at first. */
function bordersOf(channels: number): {
  readonly parameters: InitialSpecs;
  apply(params: Tensors, length: Tensor, x: Tensor): { shift: Tensor; gain: Tensor; rest: Tensor };
} {
  const features = timeFeatures(input('length', [1])).shape[1]!;
  const first = dense('interval.features', features, WIDTH);
  const last = dense('interval.output', WIDTH, 3 * channels, { zero: true });
  return {
    parameters: collect([first, last]),
    apply(params, length, x) {
      const numbers = last.apply(params, first.apply(params, timeFeatures(length)).silu());
      const [batch] = x.shape as [number];
      const part = (i: number): Tensor =>
        numbers
          .slice([0, i * channels], [batch, (i + 1) * channels])
          .reshape([batch, channels, ...x.shape.slice(2).map(() => 1)]);
      return { shift: part(0), gain: part(1).add(1), rest: part(2) };
    },
  };
}

function conditionsOf(
  network: ImportedOnnx,
  { conditions = {} }: ImportMapping,
  classes: readonly string[],
): Record<string, ConditionSpec> {
  const labelled = classConditions(classes.length);
  if (classes.length > 0 && !Object.hasOwn(conditions, 'label')) {
    throw new ConfigError('importedModel.classes', 'the mapping has no condition `label` that they are for');
  }
  const specs = Object.entries(conditions).map(([name, theirs]): [string, ConditionSpec] => {
    const label = labelled[name];
    if (label !== undefined) return [name, label];
    const { dtype, shape } = network.inputs[theirs]!;
    const own = shape.slice(1);
    if (!own.every((extent) => typeof extent === 'number')) {
      throw new ConfigError(`importedModel.conditions.${name}`, `the file does not say the shape of its '${theirs}'`);
    }
    return [name, { shape: own, dtype }];
  });
  return Object.fromEntries(specs);
}

/** Parameters are trained in float32. */
function widened({ shape, data }: HostTensor): HostTensor {
  return { shape, dtype: 'float32', data: Float32Array.from(data) };
}

function rootMeanSquare({ data, shape }: HostTensor): number {
  let sum = 0;
  for (const value of data) sum += value * value;
  return Number(Math.sqrt(sum / sizeOf(shape)).toPrecision(3));
}

function base64Of(bytes: Uint8Array): string {
  let text = '';
  for (let start = 0; start < bytes.length; start += 8192)
    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  return btoa(text);
}

function bytesOf(base64: string): Uint8Array {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch (cause) {
    throw new ConfigError('onnx.graph', `is no base64 (${String(cause)})`);
  }
}

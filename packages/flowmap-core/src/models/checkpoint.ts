import { causeText, isHalf, cut, quoted, type HostTensors } from '@flowmap/tensor';
import { CheckpointError, ConfigError } from '../errors.js';
import { isRecord, parseJson, type Json } from '../internal/json.js';
import { withDefaults, type ReadLimits, type ReadOptions } from '../limits.js';
import { networkSize } from '../networks/network-size.js';
import { networkFromConfig } from '../networks/registry.js';
import { parametrizations, type ParametrizationName } from '../parametrization.js';
import { paths, type PathName } from '../path.js';
import type { Network, NetworkConfig } from '../plugins.js';
import { decodeSafetensors } from '../safetensors/decode.js';
import { encodeSafetensors } from '../safetensors/encode.js';
import { faultOf, upgradedModel, type Model } from './model.js';

/** Metadata key of the model's description, and the version of the description. */
const KEY = 'flowmap';
const VERSION = 1;

/**
 * Encodes a model as a self-describing safetensors file: its metadata `flowmap` is the JSON object
 * `{ version, kind, network, classes, training }`, where `network` is the network's configuration; `path` and
 * `parametrization` are added if they are not the defaults. Its metadata `flowmap.crc32` holds checksums of
 * everything.
 *
 * @throws {ConfigError} when the parameters or class names are not those of the network
 */
export function encodeModel(given: Model): Uint8Array<ArrayBuffer> {
  const model = upgradedModel(given);
  const fault = faultOf(model);
  if (fault) throw new ConfigError('model', fault.message);
  return encodeSafetensors(model.params, modelMetadata(model), { checksums: true });
}

/**
 * What {@link encodeModel} writes besides the parameters: the safetensors metadata from which {@link decodeModel}
 * rebuilds the network.
 */
export function modelMetadata(model: Omit<Model, 'params'>): Record<string, string> {
  const { kind, network, classes, path, parametrization, training } = model;
  const description = {
    version: VERSION,
    kind,
    network: network.config,
    classes,
    path: path === 'linear' ? undefined : path,
    parametrization: parametrization === 'euler' ? undefined : parametrization,
    training,
  };
  return { [KEY]: JSON.stringify(description) };
}

/**
 * Rebuilds a model from the bytes of {@link encodeModel}; nothing else is needed, except that a custom network type
 * must have been registered. Parameters in float16 or bfloat16 become float32; those of an earlier version of the
 * network are converted to the current version, which computes the same function.
 *
 * @param bytes the whole file
 * @param source its name in error messages, `model` unless given
 * @param options how much the file may ask for: the size of its header and network; and whether its checksums are
 *   compared
 * @throws {CheckpointError} for a file that is corrupt, does not match its checksums, does not describe a model, whose
 *   tensors are not the parameters of the network that it describes, or one of whose tensors is NaN throughout; its
 *   `limit` names the limit that a file exceeds, if any
 * @throws {ConfigError} for a limit that is not a number >= 1
 */
export function decodeModel(bytes: Uint8Array, source = 'model', options: ReadOptions = {}): Model {
  const { tensors, metadata } = decodeSafetensors(bytes, source, options);
  const description = decodeDescription(metadata, Object.keys(tensors).length, source, options);
  const model = upgradedModel({ ...description, params: widened(tensors) });
  const fault = faultOf(model);
  if (fault)
    throw new CheckpointError(source, fault.message, fault.parameter ? { tensor: fault.parameter } : undefined);
  const spoiled = Object.keys(model.params).find((name) => model.params[name]!.data.every(Number.isNaN));
  if (spoiled === undefined) return model;
  throw new CheckpointError(source, `the parameter ${quoted(spoiled)} is NaN throughout`, { tensor: spoiled });
}

function widened(tensors: HostTensors): HostTensors {
  const entries = Object.entries(tensors).map(([name, tensor]) => [
    name,
    isHalf(tensor.dtype) ? { ...tensor, dtype: 'float32' as const } : tensor,
  ]);
  return Object.fromEntries(entries) as HostTensors;
}

/**
 * The model that a file describes, without its parameters.
 *
 * @param metadata of the file
 * @param tensors how many the file has: a network cannot have more blocks
 * @throws {CheckpointError} for metadata that describes no model, or one that exceeds a limit
 */
export function decodeDescription(
  metadata: Readonly<Record<string, string>>,
  tensors: number,
  source: string,
  given: ReadLimits = {},
): Omit<Model, 'params'> {
  const limits = withDefaults(given);
  const text = Object.hasOwn(metadata, KEY) ? metadata[KEY] : undefined;
  const fail = (message: string): CheckpointError => new CheckpointError(source, message);
  if (text === undefined) throw fail(`holds tensors but no Flowmap model: the metadata '${KEY}' is missing`);
  const parsed = parseJson(text, limits.maxNesting);
  if ('fault' in parsed) {
    throw new CheckpointError(source, `the metadata '${KEY}' ${parsed.fault}`, parsed.limit && { limit: parsed.limit });
  }
  const description = parsed.value;
  if (!isRecord(description)) throw fail(`the metadata '${KEY}' is not a JSON object`);
  const { version, kind, network, classes, path, parametrization, training } = description;
  if (version !== VERSION)
    throw fail(`version ${quoted(version)} of the model's description; this is version ${VERSION}`);
  if (kind !== 'velocity' && kind !== 'flowMap') throw fail(`unknown kind of model ${quoted(kind)}`);
  if (!Array.isArray(classes) || !classes.every((name) => typeof name === 'string')) {
    throw fail('the class names are not a list of texts');
  }
  if (path !== undefined && !isPath(path)) throw fail(`unknown path ${quoted(path)}`);
  if (parametrization !== undefined && !isParametrization(parametrization)) {
    throw fail(`unknown parametrization ${quoted(parametrization)}`);
  }
  if (training !== undefined && !isRecord(training)) throw fail('the facts about training are not a JSON object');
  if (!isRecord(network)) throw fail("the network's configuration is not a JSON object");
  requireSmall(network, tensors, limits, source);
  return {
    kind,
    network: rebuild(network, source),
    classes,
    ...(path ? { path } : {}),
    ...(parametrization ? { parametrization } : {}),
    ...(training ? { training: training as Record<string, Json> } : {}),
  };
}

function isPath(name: unknown): name is PathName {
  return typeof name === 'string' && Object.hasOwn(paths, name);
}

function isParametrization(name: unknown): name is ParametrizationName {
  return typeof name === 'string' && Object.hasOwn(parametrizations, name);
}

/**
 * Checks a network's size before it is built: every block has parameters, so there cannot be more blocks than tensors.
 */
function requireSmall(
  config: Record<string, unknown>,
  tensors: number,
  { maxBlocks, maxActivation }: Required<ReadLimits>,
  source: string,
): void {
  const { blocks, activation } = networkSize(config);
  const refuse = (fault: string, limit?: string): never => {
    throw new CheckpointError(source, `describes a network ${fault}`, limit === undefined ? {} : { limit });
  };
  if (blocks > maxBlocks) refuse(`of ${blocks} blocks, the limit maxBlocks is ${maxBlocks}`, 'maxBlocks');
  if (blocks > tensors) refuse(`of ${blocks} blocks, the file holds ${tensors} tensors`);
  if (activation > maxActivation) {
    refuse(`with a layer of ${activation} values, the limit maxActivation is ${maxActivation}`, 'maxActivation');
  }
}

function rebuild(config: Record<string, unknown>, source: string): Network {
  try {
    return networkFromConfig(config as unknown as NetworkConfig);
  } catch (cause) {
    // Factories may rely on their types, which a file need not match.
    throw new CheckpointError(source, `the network cannot be rebuilt (${cut(causeText(cause), 300)})`, { cause });
  }
}

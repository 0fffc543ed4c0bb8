import {
  inWords,
  quoted,
  requireKnownOptions,
  sameShape,
  specText,
  type HostTensors,
  type Shape,
} from '@flowmap/tensor';
import { classCount } from '../conditions.js';
import { ConfigError } from '../errors.js';
import { flowMap } from '../flow-map.js';
import { type Json } from '../internal/json.js';
import { withPrefix } from '../internal/names.js';
import type { ConditioningConfig } from '../networks/conditioning.js';
import type { ExactDiagonalConfig } from '../networks/exact-diagonal.js';
import { networkFromConfig } from '../networks/registry.js';
import { parametrizations, type Parametrization, type ParametrizationName } from '../parametrization.js';
import { paths, type Path, type PathName } from '../path.js';
import type { Network, VelocityField } from '../plugins.js';

/** A network with values for its parameters: all that is needed to sample, teach, or continue training. */
export interface Model {
  /**
   * What the network represents: a velocity field `v(x, t)`, or a flow map's average velocity `F(x, t, s)`. With the
   * Euler parametrisation its output is that quantity; with another, the output is converted to it.
   */
  readonly kind: 'velocity' | 'flowMap';
  readonly network: Network;
  readonly params: HostTensors;
  /** Names of the classes, one per index; empty if the network has no classes. */
  readonly classes: readonly string[];
  /** The path it was trained on; `linear` unless given. */
  readonly path?: PathName;
  /** What the network's output means; `euler` unless given, where it is the velocity or average velocity itself. */
  readonly parametrization?: ParametrizationName;
  /** Free-form facts about how it was trained; kept in its checkpoint. */
  readonly training?: Readonly<Record<string, Json>>;
}

/**
 * A model as a teacher. A flow map can be one too: its average velocity at s = t is the velocity. Of the given
 * conditions it uses those that its network takes; it takes no draws.
 *
 * @throws {ConfigError} on tracing, when a condition of its network is missing
 */
export function velocityField(model: Model): VelocityField {
  const { network, params } = upgradedModel(model);
  const parametrization = parametrizationOf(model);
  return {
    parameters: params,
    velocity(symbols, { x, t, conditions = {} }) {
      const own = Object.entries(conditions).filter(([name]) => Object.hasOwn(network.conditions, name));
      const map = flowMap(network, symbols, { conditions: Object.fromEntries(own), parametrization });
      return map.averageVelocity(x, t, t);
    },
  };
}

/** How a student differs from its teacher. */
export interface StudentOptions {
  /** Conditions to add, each with the shape for one sample: `{ guidance: [] }` for the scale of guidance. */
  readonly conditions?: Readonly<Record<string, Shape>>;
  /**
   * Number of the network's last blocks that get the target time, at least 1 (late-s conditioning): the blocks before
   * them compute the same for every s. All blocks unless given.
   */
  readonly intervalBlocks?: number;
  /**
   * True for a student `F(x, t, s) = v(x, t) + (t - s) G(x, t, s)`, which equals its teacher at s = t whatever it has
   * learned: v is the frozen teacher and G the network that is trained. Training and sampling evaluate both. False
   * unless given.
   */
  readonly exactDiagonal?: boolean;
}

/**
 * A student to distil a teacher into: the teacher's network and parameters, with an added input for the target time.
 * That input and any added conditions initially have no effect, so until it is trained `F(x, t, s) = v(x, t)` for all s
 * and all values of these conditions. It has the teacher's path and parametrisation; with a parametrisation other than
 * Euler's, `F` is the network's output.
 *
 * With `exactDiagonal` its network holds the teacher's as `velocity`, and the one above as `gap`, whose output layer
 * starts at zero.
 *
 * @param seed seed for the parameters of the new inputs; nothing else is drawn
 * @throws {ConfigError} for an unknown option; when the network with the new inputs lacks a parameter of the teacher,
 *   or has it with another shape; when networks of its type do not take such conditions, a target time, or a target
 *   time for only some of their blocks
 */
export function flowMapFrom(given: Model, seed: number, options: StudentOptions = {}): Model {
  requireModel('flowMapFrom.teacher', given);
  requireKnownOptions('flowMapFrom', options, { conditions: true, intervalBlocks: true, exactDiagonal: true });
  const teacher = upgradedModel(given);
  const network = studentNetwork(teacher.network, options);
  for (const [name, { shape }] of Object.entries(teacher.params)) {
    const own = network.parameters[name];
    if (!own || !sameShape(own.shape, shape)) {
      const got = own ? `has it as [${own.shape.join(', ')}]` : 'lacks it';
      const wanted = `the teacher's parameter '${name}' is [${shape.join(', ')}]`;
      throw new ConfigError(network.config.type, `${wanted}; the student's network ${got}`);
    }
  }
  const added = Object.keys(network.parameters).filter((name) => !Object.hasOwn(teacher.params, name));
  const drawn = network.init(seed, added);
  const params = Object.fromEntries(
    Object.keys(network.parameters).map((name) => [name, teacher.params[name] ?? drawn[name]!]),
  );
  return {
    kind: 'flowMap',
    ...(options.exactDiagonal === true ? aroundTeacher(teacher, { network, params }, seed) : { network, params }),
    classes: teacher.classes,
    ...(teacher.path === undefined ? {} : { path: teacher.path }),
    ...(teacher.parametrization === undefined ? {} : { parametrization: teacher.parametrization }),
  };
}

/** The teacher's network with the target time and the given conditions added. */
function studentNetwork(teacher: Network, { conditions = {}, intervalBlocks }: StudentOptions): Network {
  const config: ConditioningConfig = teacher.config;
  const network = networkFromConfig({
    ...config,
    ...(Object.keys(conditions).length > 0 ? { conditions: { ...config.conditions, ...conditions } } : {}),
    ...(intervalBlocks === undefined ? {} : { intervalBlocks }),
    interval: true,
  });
  const { type } = network.config;
  const refused = Object.keys(conditions).find((name) => !Object.hasOwn(network.conditions, name));
  if (refused !== undefined) {
    throw new ConfigError(`conditions.${refused}`, `a network '${type}' cannot be given more conditions`);
  }
  if (intervalBlocks !== undefined && (network.config as ConditioningConfig).intervalBlocks !== intervalBlocks) {
    throw new ConfigError('intervalBlocks', `a network '${type}' gives the target time to all of its blocks`);
  }
  return network;
}

/** The parameters at which networks of this package start as the zero function. */
const OUTPUT_LAYER = ['output.weight', 'output.bias'];

/** The teacher at s = t, plus a student's network elsewhere, whose output layer starts at zero. */
function aroundTeacher(
  teacher: Model,
  { network, params }: Pick<Model, 'network' | 'params'>,
  seed: number,
): Pick<Model, 'network' | 'params'> {
  const [velocity, gap] = [teacher.network.config, network.config];
  const config: ExactDiagonalConfig = { type: 'exact-diagonal', shape: gap.shape, interval: true, velocity, gap };
  // For other networks it is not known which parameters make the output zero: those start from new
  // parameters.
  const known = OUTPUT_LAYER.every((name) => Object.hasOwn(params, name));
  const zero = network.init(seed, known ? OUTPUT_LAYER : Object.keys(params));
  const start = Object.keys(params).map((name) => {
    return [name, known && !OUTPUT_LAYER.includes(name) ? params[name]! : zero[name]!] as const;
  });
  return {
    network: networkFromConfig(config),
    params: { ...withPrefix('velocity', teacher.params), ...withPrefix('gap', Object.fromEntries(start)) },
  };
}

/**
 * Checks, for callers without types, that a value is a model.
 *
 * @throws {ConfigError} for anything else, such as the result of a training
 */
export function requireModel(option: string, value: unknown): void {
  if (typeof value === 'object' && value !== null && 'network' in value && 'params' in value) return;
  const isResult = typeof value === 'object' && value !== null && 'model' in value;
  const advice = isResult ? '; of a result, that is its `model`' : '';
  throw new ConfigError(option, `wanted a model, got ${inWords(value)}${advice}`);
}

/**
 * A model that is about to be used: checked, and with its parameters in the current form of its network.
 *
 * @param option the name under which it was given, for messages
 * @throws {ConfigError} for anything but a model, or for a model whose parameters are not those of its
 *   network
 */
export function checkedModel(option: string, given: Model): Model {
  requireModel(option, given);
  const model = upgradedModel(given);
  const fault = faultOf(model);
  if (fault) throw new ConfigError(option, fault.message);
  return model;
}

/** A model with its parameters converted to the current form of its network. */
export function upgradedModel(model: Model): Model {
  const { network, params } = model;
  return network.upgrade ? { ...model, params: network.upgrade(params) } : model;
}

/**
 * The path that a model was trained on.
 *
 * @throws {ConfigError} for an unknown path name
 */
export function pathOf({ path = 'linear' }: Pick<Model, 'path'>): Path {
  if (!Object.hasOwn(paths, path)) throw new ConfigError('path', unknownName(path, paths));
  return paths[path];
}

/**
 * What the output of a model's network means.
 *
 * @throws {ConfigError} for an unknown parametrisation name
 */
export function parametrizationOf({ parametrization = 'euler' }: Pick<Model, 'parametrization'>): Parametrization {
  if (!Object.hasOwn(parametrizations, parametrization)) {
    throw new ConfigError('parametrization', unknownName(parametrization, parametrizations));
  }
  return parametrizations[parametrization];
}

/** What is wrong with a model, in words, and the parameter at fault; undefined if it is valid. */
export function faultOf(model: Model): { message: string; parameter?: string } | undefined {
  const { kind, network, params, classes, path = 'linear', parametrization = 'euler' } = model;
  const { type, interval } = network.config;
  if (!Object.hasOwn(paths, path)) return { message: `path: ${unknownName(path, paths)}` };
  if (!Object.hasOwn(parametrizations, parametrization)) {
    return { message: `parametrization: ${unknownName(parametrization, parametrizations)}` };
  }
  if (kind === 'flowMap' && !interval) return { message: `a flow map needs a network with an interval input` };
  const count = classCount(network);
  if (classes.length !== count) {
    return { message: `${classes.length} class names for a network with ${count} classes` };
  }
  for (const [parameter, spec] of Object.entries(network.parameters)) {
    const value = params[parameter];
    const wanted = `network '${type}' has the parameter '${parameter}' as ${specText(spec)}`;
    if (!value) return { message: `${wanted}, which is missing`, parameter };
    if (!sameShape(value.shape, spec.shape) || value.dtype !== spec.dtype) {
      return { message: `${wanted}, got ${specText(value)}`, parameter };
    }
  }
  const parameter = Object.keys(params).find((name) => !Object.hasOwn(network.parameters, name));
  return parameter === undefined
    ? undefined
    : { message: `${quoted(parameter)} is no parameter of this network '${type}'`, parameter };
}

function unknownName(name: string, known: object): string {
  return `wanted one of ${Object.keys(known).join(', ')}; got ${quoted(name)}`;
}

import { specText, sameShape, type HostTensors } from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import { quoted, type Json } from '../internal/json.js';
import { networkFromConfig } from '../networks/registry.js';
import type { Network, VelocityField } from '../plugins.js';

/** A network with values for its parameters: all that is needed to sample, to teach, or to train on. */
export interface Model {
  /** What the network stands for: a velocity field `v(x, t)`, or a flow map's average velocity `F(x, t, s)`. */
  readonly kind: 'velocity' | 'flowMap';
  readonly network: Network;
  readonly params: HostTensors;
  /** Names of the classes, one for each index; empty when the network is unconditional. */
  readonly classes: readonly string[];
  /** Free-form facts about how it was trained; kept in its checkpoint. */
  readonly training?: Readonly<Record<string, Json>>;
}

/**
 * A model as a teacher. A flow map is one too: its average velocity at s = t is the velocity.
 *
 * @throws {ConfigError} on tracing, when the network has classes and no label is given
 */
export function velocityField(model: Model): VelocityField {
  const { network, params } = upgradedModel(model);
  const { classes, interval } = network.config;
  return {
    parameters: params,
    velocity: (symbols, { x, t, label }) =>
      network.apply(symbols, { x, t, ...(interval ? { s: t } : {}), ...(classes > 0 && label ? { label } : {}) }),
  };
}

/**
 * A student to distil a teacher into: the teacher's network and parameters with an input for the target time added. Networks
 * initialise that input without effect, so `F(x, t, s) = v(x, t)` for every s until it is trained.
 *
 * @param seed draws the parameters of the new input, which are all that is drawn
 * @throws {ConfigError} when the network with the new input lacks a parameter of the teacher, or has another shape for it
 */
export function flowMapFrom(given: Model, seed: number): Model {
  const teacher = upgradedModel(given);
  const network = networkFromConfig({ ...teacher.network.config, interval: true });
  for (const [name, { shape }] of Object.entries(teacher.params)) {
    const own = network.parameters[name];
    if (!own || !sameShape(own.shape, shape)) {
      const got = own ? `has it as [${own.shape.join(', ')}]` : 'lacks it';
      const wanted = `the teacher's parameter '${name}' is [${shape.join(', ')}]`;
      throw new ConfigError(network.config.type, `${wanted}; the network with an interval input ${got}`);
    }
  }
  const added = Object.keys(network.parameters).filter((name) => !Object.hasOwn(teacher.params, name));
  const drawn = network.init(seed, added);
  const params = Object.fromEntries(
    Object.keys(network.parameters).map((name) => [name, teacher.params[name] ?? drawn[name]!]),
  );
  return { kind: 'flowMap', network, params, classes: teacher.classes };
}

/** A model with its parameters in the form that its network has now. */
export function upgradedModel(model: Model): Model {
  const { network, params } = model;
  return network.upgrade ? { ...model, params: network.upgrade(params) } : model;
}

/** What is wrong with a model, in words, and the parameter at fault; undefined when it is whole. */
export function faultOf({
  kind,
  network,
  params,
  classes,
}: Model): { message: string; parameter?: string } | undefined {
  const { type, interval } = network.config;
  if (kind === 'flowMap' && !interval) return { message: `a flow map needs a network with an interval input` };
  if (classes.length !== network.config.classes) {
    return { message: `${classes.length} class names for a network with ${network.config.classes} classes` };
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

import {
  concat,
  constant,
  oneHot,
  requireWhole,
  quoted,
  type OptionNames,
  type Shape,
  type Tensor,
  type Tensors,
} from '@flowmap/tensor';
import { classConditions, type ConditionSpecs } from '../conditions.js';
import { ConfigError } from '../errors.js';
import { isList, isRecord } from '../internal/json.js';
import type { NetworkConfig, NetworkInputs } from '../plugins.js';
import { collect, dense, type InitialSpecs, type Layer } from './layers.js';
import { requireSize } from './network.js';

/** Number of sinusoids per time, half of them sines. */
const FREQUENCIES = 32;

/** Range of the angular frequencies: higher ones would amplify the time derivative that distillation needs. */
const LOWEST = 1.5;
const HIGHEST = 25;

/** The angular frequencies of {@link timeFeatures}. */
export const TIME_FREQUENCIES: readonly number[] = Array.from(
  { length: FREQUENCIES },
  (_, k) => LOWEST * (HIGHEST / LOWEST) ** (k / (FREQUENCIES - 1)),
);

/**
 * Sinusoidal features of times: `[cos(w_k t), sin(w_k t)]` with angular frequencies `w_k` spaced geometrically between
 * 1.5 and 25. They are features of `t` itself, because the derivative of the usual `log sigma` is unbounded at the ends
 * of the path (AYF, which uses `c_noise(t) = t`).
 *
 * @param t `[batch]`
 * @returns `[batch, 2 FREQUENCIES]`
 */
export function timeFeatures(t: Tensor): Tensor {
  const angles = t.reshape([-1, 1]).mul(constant(TIME_FREQUENCIES, [1, FREQUENCIES]));
  return concat([angles.cos(), angles.sin()], 1);
}

/** The part of a network's configuration that defines its conditions. */
export interface ConditioningConfig extends NetworkConfig {
  /** Number of classes; 0 = none, which is the default. */
  readonly classes?: number;
  /**
   * Further conditions by name, float32, each with its shape for one sample: `[]` for a number (of magnitude about 1,
   * like a time), `[n]` for a vector, `[tokens, n]` for tokens whose order does not matter.
   */
  readonly conditions?: Readonly<Record<string, Shape>>;
  /**
   * Number of the last blocks that get the target time, at least 1; all blocks unless given. The blocks before them then
   * compute the same for every s (Lee et al., "Decoupled MeanFlow", 2025).
   */
  readonly intervalBlocks?: number;
}

/** The options that such networks share. */
export const CONDITIONING_OPTIONS: OptionNames<ConditioningConfig> = {
  type: true,
  shape: true,
  interval: true,
  classes: true,
  conditions: true,
  intervalBlocks: true,
};

/** The conditioning vectors of a network's blocks, each `[batch, width]`, after SiLU. */
export interface BlockConditions {
  /** The vector of a block, counted from 0. */
  of(block: number): Tensor;
  /** The vector for what follows the last block. */
  readonly output: Tensor;
}

/** Turns times and conditions into one vector per sample. */
export interface Conditioning {
  readonly parameters: InitialSpecs;
  /** The conditions that it takes. */
  readonly conditions: ConditionSpecs;
  /** `[batch, width]`, before the activation, which is left to the caller. */
  apply(params: Tensors, inputs: NetworkInputs): Tensor;
  /** One vector per block, of which only the last `intervalBlocks` depend on the target times. */
  applyToBlocks(params: Tensors, inputs: NetworkInputs): BlockConditions;
}

/**
 * `c = W_2 silu(W_1 features(t)) + V_2 silu(V_1 features(t - s)) + E[label] + ...`, one term per condition. The output
 * layers of the interval and of all conditions but the label start at zero, so a flow map initialised from a velocity
 * field is that field, `F(x, t, s) = v(x, t)`, whatever conditions are added.
 *
 * @param blocks number of blocks, for networks with the option `intervalBlocks`
 * @throws {ConfigError} for invalid classes or conditions; for `intervalBlocks` above the number of blocks, or without an
 *   interval input; on tracing, when the target times are missing
 */
export function conditioning(config: ConditioningConfig, width: number, blocks?: number): Conditioning {
  const { type, classes = 0, conditions = {} } = config;
  requireWhole(`${type}.classes`, classes, 0);
  requireConditionShapes(`${type}.conditions`, conditions);
  requireIntervalBlocks(config, blocks);
  const time = timeLayers('time', width, false);
  const interval = config.interval ? [timeLayers('interval', width, true)] : [];
  const label = classes > 0 ? [classLayer(classes, width)] : [];
  const more = Object.entries(conditions).map(([name, shape]) => [name, conditionLayers(name, shape, width)] as const);
  const specs = more.map(([name]) => [name, { shape: conditions[name]!, dtype: 'float32' as const }] as const);
  const firstTold = (blocks ?? 0) - (config.intervalBlocks ?? Infinity);
  const vector = (params: Tensors, { t, s, conditions = {} }: NetworkInputs, told: boolean): Tensor => {
    let c = time.apply(params, t);
    for (const layers of told ? interval : []) {
      if (s === undefined) throw new ConfigError('s', 'a network with an interval input needs target times');
      c = c.add(layers.apply(params, t.sub(s)));
    }
    for (const layer of label) c = c.add(layer.apply(params, conditions['label']!));
    for (const [name, layers] of more) c = c.add(layers.apply(params, conditions[name]!));
    return c;
  };
  return {
    parameters: collect([time, ...interval, ...label, ...more.map(([, layers]) => layers)]),
    conditions: { ...classConditions(classes), ...Object.fromEntries(specs) },
    apply: (params, inputs) => vector(params, inputs, true),
    applyToBlocks(params, inputs) {
      const told = vector(params, inputs, true).silu();
      const untold = config.intervalBlocks === undefined ? told : vector(params, inputs, false).silu();
      return { of: (block) => (block < firstTold ? untold : told), output: told };
    },
  };
}

function requireIntervalBlocks(
  { type, interval, intervalBlocks }: ConditioningConfig,
  blocks: number | undefined,
): void {
  if (intervalBlocks === undefined) return;
  const option = `${type}.intervalBlocks`;
  if (blocks === undefined)
    throw new ConfigError(option, `a network '${type}' gives the target time to all of its blocks`);
  requireSize(option, intervalBlocks, blocks);
  if (!interval) throw new ConfigError(option, 'wanted a network with an interval input, this one has none');
}

/** Two layers on the sinusoidal features of a tensor `[batch]`. */
function timeLayers(name: string, width: number, zero: boolean): Layer {
  const layers = [dense(`${name}.0`, 2 * FREQUENCIES, width), dense(`${name}.1`, width, width, { zero })] as const;
  return {
    parameters: collect(layers),
    apply: (params, t) => layers[1].apply(params, layers[0].apply(params, timeFeatures(t)).silu()),
  };
}

/** A table with one row per class. */
function classLayer(classes: number, width: number): Layer {
  return {
    parameters: { 'class.weight': { shape: [classes, width], std: 1 } },
    apply: (params, label) => oneHot(label, classes).matmul(params['class.weight']!),
  };
}

/** Two layers on a condition, the second of which starts at zero; tokens are averaged in between. */
function conditionLayers(name: string, shape: Shape, width: number): Layer {
  const [first, second] = [`condition.${name}.0`, `condition.${name}.1`];
  const size = shape.at(-1);
  if (size === undefined) return timeLayers(`condition.${name}`, width, true);
  const layers = [dense(first, size, width), dense(second, width, width, { zero: true })] as const;
  return {
    parameters: collect(layers),
    apply(params, condition) {
      const hidden = layers[0].apply(params, condition).silu();
      return layers[1].apply(params, shape.length === 2 ? hidden.mean([1]) : hidden);
    },
  };
}

/** Names of conditions become part of the names of parameters and program inputs. */
const CONDITION_NAME = /^[A-Za-z]\w{0,63}$/;

function requireConditionShapes(option: string, conditions: Readonly<Record<string, Shape>>): void {
  if (!isRecord(conditions)) throw new ConfigError(option, `wanted shapes by name, got ${quoted(conditions)}`);
  for (const [name, shape] of Object.entries(conditions)) {
    if (name === 'label') throw new ConfigError(`${option}.label`, 'the label comes with the option classes');
    if (!CONDITION_NAME.test(name)) {
      throw new ConfigError(option, `wanted names of letters, digits and _, got ${quoted(name)}`);
    }
    if (!isList(shape) || shape.length > 2) {
      throw new ConfigError(`${option}.${name}`, `wanted the shape [], [n] or [tokens, n], got ${quoted(shape)}`);
    }
    for (const extent of shape) requireSize(`${option}.${name}`, extent);
  }
}

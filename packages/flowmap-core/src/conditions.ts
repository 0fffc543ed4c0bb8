import {
  DTypeError,
  hostTensor,
  isFloat,
  sameShape,
  ShapeError,
  sizeOf,
  specText,
  type HostData,
  type HostTensors,
  type Tensors,
  type TensorSpec,
} from '@flowmap/tensor';
import { ConfigError } from './errors.js';
import type { ConditionSpec } from './plugins.js';

/** Specs of the conditions that a network takes or a dataset provides, by name. */
export type ConditionSpecs = Readonly<Record<string, ConditionSpec>>;

/**
 * The conditions of a dataset or network with this many classes: `label`, a whole number from 0 to `classes - 1`; none
 * for 0 classes.
 */
export function classConditions(classes: number): ConditionSpecs {
  return classes === 0 ? {} : { label: { shape: [], dtype: 'int32', categories: classes } };
}

/** Number of classes of a network or a dataset: the categories of its condition `label`. */
export function classCount({ conditions }: { readonly conditions: ConditionSpecs }): number {
  return conditions['label']?.categories ?? 0;
}

/** Turns the specs of one sample into those of a batch: each shape becomes `[batch, ...shape]`. */
export function batchSpecs(specs: Readonly<Record<string, TensorSpec>>, batch: number): Record<string, TensorSpec> {
  const entries = Object.entries(specs).map(([name, { shape, dtype }]) => [name, { shape: [batch, ...shape], dtype }]);
  return Object.fromEntries(entries) as Record<string, TensorSpec>;
}

/** What is wrong with rows of conditions, and where. */
export interface ConditionFault {
  /** Name of the condition. */
  readonly name: string;
  /** `wanted 5 values …`, to follow the name. */
  readonly message: string;
  /** If a value is wrong, that value and its row. */
  readonly at?: { readonly row: number; readonly value: number };
}

/**
 * Looks for faults in rows of conditions: one that is missing, has another type, has more or fewer values than samples
 * times its size, or holds a number outside its categories, a NaN or an infinity. Conditions without a spec are
 * ignored.
 *
 * @param count number of samples
 * @returns the first fault, or undefined if there is none
 */
export function conditionFault(
  specs: ConditionSpecs,
  rows: Readonly<Record<string, HostData>>,
  count: number,
): ConditionFault | undefined {
  for (const [name, spec] of Object.entries(specs)) {
    const data = Object.hasOwn(rows, name) ? rows[name]! : undefined;
    const size = sizeOf(spec.shape);
    if (data === undefined) return { name, message: `wanted ${specText(spec)} for each of ${count} samples, got none` };
    if (!holds(spec, data)) return { name, message: `wanted ${spec.dtype}, got ${data.constructor.name}` };
    if (data.length !== count * size) {
      const each = size === 1 ? '' : ` of ${size}`;
      return { name, message: `wanted ${count * size} values for ${count} samples${each}, got ${data.length}` };
    }
    const wrong = data.findIndex((value) => !isValue(spec, value));
    if (wrong === -1) continue;
    const wanted =
      spec.categories === undefined ? 'a finite number' : `a whole number from 0 to ${spec.categories - 1}`;
    return { name, message: `wanted ${wanted}`, at: { row: Math.floor(wrong / size), value: data[wrong]! } };
  }
  return undefined;
}

/**
 * Checks rows of conditions and returns them as tensors `[count, ...shape]`; those without a spec are left out.
 *
 * @param option what holds the rows, as the user writes it: `batch.conditions`
 * @param specs the required conditions, such as a network's
 * @param rows values by name, one row for each sample
 * @param count number of samples
 * @throws {ConfigError} naming the condition that is missing or wrong, and the sample and the value if a value is wrong
 */
export function requireConditions(
  option: string,
  specs: ConditionSpecs,
  rows: Readonly<Record<string, HostData>>,
  count: number,
): HostTensors {
  const fault = conditionFault(specs, rows, count);
  if (fault) {
    const { name, message, at } = fault;
    const got = at === undefined ? '' : `, sample ${at.row} has ${at.value}`;
    throw new ConfigError(`${option}.${name}`, `${message}${got}`);
  }
  const tensors = Object.entries(specs).map(([name, { shape, dtype }]) => [
    name,
    hostTensor([count, ...shape], rows[name]!, dtype),
  ]);
  return Object.fromEntries(tensors) as HostTensors;
}

/**
 * Checks that a network takes everything that it is given.
 *
 * @param kind what is being checked
 * @param type type of the network
 * @throws {ConfigError} naming the first one that the network does not take, and those that it does
 */
export function requireKnown(kind: 'conditions' | 'draws', type: string, specs: ConditionSpecs, given: object): void {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(specs, name));
  if (unknown !== undefined) throw new ConfigError(`${kind}.${unknown}`, taken(kind, type, specs));
}

/**
 * Checks the tensors that a network is traced on: exactly those that it takes, each `[batch, ...shape]`.
 *
 * @throws {ConfigError} naming one that is missing or that the network does not take, and those that it does
 * @throws {ShapeError | DTypeError} for one of another shape or dtype
 */
export function requireTensors(
  kind: 'conditions' | 'draws',
  type: string,
  specs: ConditionSpecs,
  given: Tensors,
  batch: number,
): void {
  requireKnown(kind, type, specs, given);
  for (const [name, { shape, dtype }] of Object.entries(specs)) {
    const tensor = Object.hasOwn(given, name) ? given[name]! : undefined;
    if (tensor === undefined) throw new ConfigError(`${kind}.${name}`, `${taken(kind, type, specs)}; got none`);
    const wanted = [batch, ...shape];
    if (!sameShape(tensor.shape, wanted)) {
      throw new ShapeError(`${type}, ${kind}.${name}`, `[${wanted.join(', ')}]`, [tensor.shape]);
    }
    if (tensor.dtype !== dtype) throw new DTypeError(`${type}, ${kind}.${name}`, dtype, [tensor.dtype]);
  }
}

/** What a network takes, in words. */
function taken(kind: string, type: string, specs: ConditionSpecs): string {
  const each = Object.entries(specs).map(([name, spec]) => `'${name}' ${specText(spec)}`);
  return each.length === 0
    ? `network '${type}' takes no ${kind}`
    : `network '${type}' takes the ${kind} ${each.join(', ')} for each sample`;
}

function holds({ dtype }: ConditionSpec, data: HostData): boolean {
  if (dtype === 'int32') return data instanceof Int32Array;
  if (dtype === 'bool') return data instanceof Uint8Array;
  return data instanceof Float32Array || data instanceof Float64Array;
}

function isValue({ dtype, categories }: ConditionSpec, value: number): boolean {
  if (categories !== undefined) return Number.isInteger(value) && value >= 0 && value < categories;
  return !isFloat(dtype) || Number.isFinite(value);
}

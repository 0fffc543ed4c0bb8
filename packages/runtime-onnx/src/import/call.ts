import { isWhole, quoted, sizeOf, type Shape } from '@flowmap/tensor';
import { AttributeProto_AttributeType as Type, type AttributeProto, type GraphProto } from 'onnx-buf';
import { isKnown, listOf, numberAt, type Known, type Value } from './value.js';

/** One node that is being traced: its operands and attributes, and how it is refused. */
export interface Call {
  /** The version of the standard operators that the node is written in. */
  readonly opset: number;
  /** The operands, undefined where one is left out. */
  readonly inputs: readonly (Value | undefined)[];
  /** The number of results that the node names. */
  readonly outputs: number;
  /** @throws {OnnxImportError} with the node's name and position */
  readonly refuse: (problem: string, hint?: string) => never;
  readonly attribute: (name: string) => AttributeProto | undefined;
  /** The numbers of a tensor in the file, such as that of an attribute. */
  readonly tensorOf: (tensor: NonNullable<AttributeProto['t']>) => Known;
  /**
   * Counts numbers that are computed or laid out while tracing.
   *
   * @throws {OnnxImportError} when a program needs more of them than any model does
   */
  readonly spend: (numbers: number) => void;
  /** Traces a graph within this one, which sees the values around it. */
  readonly trace: (graph: GraphProto, inputs: readonly Value[]) => Value[];
}

/** An operator of ONNX, as it is traced. */
export interface Operator {
  /** The least and the most operands. */
  readonly inputs: readonly [least: number, most: number];
  /** The first operator set that has it, if that is not among the first that can be imported. */
  readonly since?: number;
  /** Which forms of it cannot be imported, for the documentation. */
  readonly without?: string;
  readonly trace: (call: Call) => Value | readonly Value[];
}

/** Operators by name. */
export type Operators = Readonly<Record<string, Operator>>;

/** An operand that must be there. */
export function input({ inputs, refuse }: Call, i: number): Value {
  return inputs[i] ?? refuse(`its operand ${i} is missing`);
}

/** The numbers of an operand that must be known while tracing; undefined if it is left out. */
export function knownInput({ inputs, refuse }: Call, i: number, role: string): Known | undefined {
  const value = inputs[i];
  if (value === undefined || isKnown(value)) return value;
  return refuse(
    `its ${role} (operand ${i}) is computed from the values of inputs`,
    'it must follow from constants and from the shapes of the inputs',
  );
}

/** The number of an operand that must be known and have only one; undefined if it is left out. */
export function numberInput(call: Call, i: number, role: string): number | undefined {
  const value = knownInput(call, i, role);
  return value && numberOf(call, value, role);
}

/** The number of a value that must have only one. */
export function numberOf({ refuse }: Call, value: Known, role: string): number {
  return sizeOf(value.shape) === 1 ? numberAt(value, 0) : refuse(`its ${role} is not one number`);
}

/** The numbers of a value in a list: a small file can describe many. */
export function listed({ spend }: Call, value: Known): number[] {
  spend(LIST * sizeOf(value.shape));
  return listOf(value);
}

/** Whole numbers of an operand that must be known, such as axes; undefined if it is left out. */
export function wholeInput(call: Call, i: number, role: string): number[] | undefined {
  const value = knownInput(call, i, role);
  if (value === undefined) return undefined;
  if (value.type.dtype !== 'int32' || sizeOf(value.shape) > MOST_WHOLE)
    call.refuse(`its ${role} are no short list of integers`);
  return listed(call, value);
}

/** Numbers that take as long to compute as one in a list. */
export const LIST = 4;

/** More whole numbers than in any list of axes, extents or indices that is worth reading one by one. */
const MOST_WHOLE = 2 ** 20;

/** An integer attribute. */
export function int(call: Call, name: string, fallback: number): number {
  const found = ofType(call, name, Type.INT, 'an integer');
  return found === undefined ? fallback : Number(found.i);
}

/** An attribute that is 0 or 1. */
export function flag(call: Call, name: string, fallback = false): boolean {
  return int(call, name, fallback ? 1 : 0) !== 0;
}

/** An attribute of integers. */
export function ints(call: Call, name: string): number[] | undefined {
  return ofType(call, name, Type.INTS, 'integers')?.ints.map(Number);
}

export function float(call: Call, name: string, fallback: number): number {
  return ofType(call, name, Type.FLOAT, 'a float')?.f ?? fallback;
}

/** A text attribute, which must be one of those that are known. */
export function choice<T extends string>(call: Call, name: string, known: readonly [T, ...T[]]): T {
  const found = ofType(call, name, Type.STRING, 'a text');
  if (found === undefined) return known[0];
  const text = new TextDecoder().decode(found.s);
  const chosen = known.find((one) => one === text);
  return chosen ?? call.refuse(`its ${name} is ${quoted(text)}`, `${known.join(', ')} can be imported`);
}

export function ofType(call: Call, name: string, type: Type, wanted: string): AttributeProto | undefined {
  const found = call.attribute(name);
  if (found !== undefined && found.type !== type) call.refuse(`its attribute ${name} is not ${wanted}`);
  return found;
}

/** An axis of a rank, counted from the end if negative. */
export function axisOf({ refuse }: Call, axis: number, rank: number): number {
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(resolved) || resolved < 0 || resolved >= rank)
    refuse(`a tensor of rank ${rank} has no axis ${axis}`);
  return resolved;
}

/** Distinct axes of a rank. */
export function axesOf(call: Call, axes: readonly number[], rank: number): number[] {
  const resolved = axes.map((axis) => axisOf(call, axis, rank));
  if (new Set(resolved).size !== resolved.length) call.refuse(`it names an axis twice: ${axes.slice(0, 9).join(', ')}`);
  return resolved;
}

/** Checks extents of a result that may be empty, before anything of that size is made. */
export function extentsOf({ refuse }: Call, shape: readonly number[]): Shape {
  if (shape.length > MOST_AXES)
    refuse(`its result would have ${shape.length} axes`, `at most ${MOST_AXES} can be imported`);
  const text = shape.slice(0, 9).join(', ');
  if (!shape.every((extent) => isWhole(extent, 0))) refuse(`its result would have the shape [${text}]`);
  if (sizeOf(shape) > MOST_ELEMENTS) {
    refuse(`its result would have the shape [${text}]`, `at most ${MOST_ELEMENTS} numbers can be imported`);
  }
  return shape;
}

/** The most axes and numbers of a tensor. */
export const MOST_AXES = 32;
export const MOST_ELEMENTS = 2 ** 31 - 1;

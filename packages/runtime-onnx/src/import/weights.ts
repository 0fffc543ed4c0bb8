import { sizeOf } from '@flowmap/tensor';
import { AttributeProto_AttributeType as Type, type GraphProto, type NodeProto } from 'onnx-buf';
import { elementTypeOf } from './element-types.js';
import { each, placeBy, stridesTo } from './host.js';
import { isStandard } from './read-model.js';
import { known, numberAt, type Known } from './value.js';

/** The values of a graph's tensors that are known without its inputs, by name. */
export type Weights = Map<string, Known>;

/**
 * Adds weights that a file stores in fewer bits: those that a `Cast` to a wider float or a `DequantizeLinear` makes of
 * its tensors alone. They are parameters like others.
 *
 * @returns the names of the tensors that they are made of
 */
export function addStoredWeights(graph: GraphProto, weights: Weights): Set<string> {
  const sources = new Set<string>();
  for (const node of graph.node) {
    const [output = ''] = node.output;
    if (!isStandard(node.domain) || weights.has(output)) continue;
    const operands = node.input.map((name) => weights.get(name));
    if (operands.some((value) => value === undefined || sizeOf(value.shape) === 0)) continue;
    const value = storedWeight(node, operands as Known[]);
    if (value === undefined) continue;
    weights.set(output, value);
    for (const name of node.input) sources.add(name);
  }
  return sources;
}

function storedWeight(node: NodeProto, [x, scale, zero]: readonly Known[]): Known | undefined {
  const integer = (name: string, fallback: number): number =>
    Number(node.attribute.find((one) => one.name === name && one.type === Type.INT)?.i ?? fallback);
  if (node.opType === 'Cast' && x !== undefined) {
    const type = elementTypeOf(integer('to', 0));
    if (!type?.isFloat || !x.type.isFloat || type.bytes < x.type.bytes) return undefined;
    const data = type.make(x.data.length);
    data.set(x.data);
    return known(type, x.shape, data);
  }
  if (node.opType !== 'DequantizeLinear' || x === undefined || scale === undefined) return undefined;
  const rank = x.shape.length;
  const given = integer('axis', 1);
  const axis = given < 0 ? given + rank : given;
  const isPerAxis = scale.shape.length === 1 && sizeOf(scale.shape) === x.shape[axis];
  if (!isPerAxis && sizeOf(scale.shape) !== 1) return undefined; // blocks are left to the operator
  if (zero !== undefined && zero.shape.join() !== scale.shape.join()) return undefined;
  const along = x.shape.map((extent, i) => (isPerAxis && i === axis ? extent : 1));
  const strides = stridesTo(along, x.shape);
  const data = scale.type.make(sizeOf(x.shape));
  each(x.shape, (index, i) => {
    const place = placeBy(strides, index);
    const offset = zero === undefined ? 0 : numberAt(zero, place);
    data[i] = scale.type.round((numberAt(x, i) - offset) * numberAt(scale, place));
  });
  return known(scale.type, x.shape, data);
}

/** Operands, by operator, that are numbers of a calculation rather than weights: of a running mean, a scale, a bound. */
const NO_WEIGHTS: Readonly<Record<string, readonly number[]>> = {
  BatchNormalization: [3, 4],
  Resize: [1, 2],
  Clip: [1, 2],
  Pad: [2],
  Range: [0, 1, 2],
  Pow: [1],
  Dropout: [1],
  OneHot: [2],
  DequantizeLinear: [0, 1, 2],
  QuantizeLinear: [1, 2],
};

/** Operands, by operator, that are weights even if they are a single number. */
const WEIGHTS: Readonly<Record<string, readonly number[]>> = {
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  Gemm: [0, 1, 2],
  MatMul: [0, 1],
  PRelu: [1],
  BatchNormalization: [1, 2],
  InstanceNormalization: [1, 2],
  GroupNormalization: [1, 2],
  LayerNormalization: [1, 2],
};

/**
 * Names of the weights that are likely to have been trained: floats with axes that are an operand of a product, a
 * convolution or a norm, or have more than one number; but not what only normalises, scales or bounds.
 */
export function likelyTrained(graph: GraphProto, weights: Weights, sources: ReadonlySet<string>): Set<string> {
  const uses = new Map<string, { readonly operator: string; readonly operand: number }[]>();
  const visit = (nodes: readonly NodeProto[]): void => {
    for (const { opType, input, attribute } of nodes) {
      input.forEach((name, operand) => uses.set(name, [...(uses.get(name) ?? []), { operator: opType, operand }]));
      for (const { g } of attribute) if (g) visit(g.node);
    }
  };
  visit(graph.node);
  const isTrained = (name: string, { type, shape }: Known): boolean => {
    const own = uses.get(name) ?? [];
    if (!type.isFloat || shape.length === 0 || sizeOf(shape) === 0 || sources.has(name)) return false;
    const isIn = (table: Readonly<Record<string, readonly number[]>>, use: (typeof own)[number]): boolean =>
      Object.hasOwn(table, use.operator) && table[use.operator]!.includes(use.operand);
    const counting = own.filter((use) => !isIn(NO_WEIGHTS, use));
    return (
      counting.length === own.length &&
      own.length > 0 &&
      (sizeOf(shape) > 1 || counting.some((use) => isIn(WEIGHTS, use)))
    );
  };
  return new Set([...weights].filter(([name, value]) => isTrained(name, value)).map(([name]) => name));
}

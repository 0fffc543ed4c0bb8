import { sizeOf } from '@flowmap/tensor';
import { AttributeProto_AttributeType as Type, type GraphProto, type NodeProto } from 'onnx-buf';
import { elementTypeOf } from './element-types.js';
import { each, placeBy, stridesTo } from './host.js';
import { isStandard } from './read-model.js';
import { known, numberAt, type Known } from './value.js';

/** The values of a graph's tensors that are known without its inputs, by name. */
export type Weights = Map<string, Known>;

/**
 * Adds weights that a file stores in fewer bits: those that a `Cast` to a wider float or a `DequantizeLinear` makes
 * from its tensors alone. They are parameters like any others.
 *
 * @returns by their names, in order, the names of the tensors from which they are made
 */
export function addStoredWeights(graph: GraphProto, weights: Weights): Map<string, readonly string[]> {
  const sources = new Map<string, readonly string[]>();
  for (const node of graph.node) {
    const [output = ''] = node.output;
    if (!isStandard(node.domain) || weights.has(output)) continue;
    const operands = node.input.map((name) => weights.get(name));
    // The numbers of a tensor may be absent, whatever its shape.
    if (!operands.every((value) => value && value.data.length > 0 && value.data.length === sizeOf(value.shape)))
      continue;
    const value = storedWeight(node, operands as Known[]);
    if (value === undefined) continue;
    weights.set(output, value);
    sources.set(output, node.input);
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

/** Operands, by operator, that are numbers of a calculation rather than weights: a running mean, a scale, a bound. */
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

/** Where the values of a graph and those within are read. */
type Readers = ReadonlyMap<string, readonly { readonly node: NodeProto; readonly operand: number }[]>;

function readersOf(graph: GraphProto): Readers {
  const readers = new Map<string, { node: NodeProto; operand: number }[]>();
  const visit = (nodes: readonly NodeProto[]): void => {
    for (const node of nodes) {
      node.input.forEach((name, operand) => {
        const known = readers.get(name);
        if (known) known.push({ node, operand });
        else readers.set(name, [{ node, operand }]);
      });
      for (const { g } of node.attribute) if (g) visit(g.node);
    }
  };
  visit(graph.node);
  return readers;
}

/** Operators between the frequencies of an embedding of times and its waves. */
const BEFORE_WAVES = ['Mul', 'Add', 'Div', 'Concat', 'Unsqueeze', 'Reshape', 'Expand', 'Cast'];

/** The most values between frequencies and waves. */
const MOST_BEFORE_WAVES = 64;

/** Whether a value ends in nothing but sines and cosines, as the frequencies of an embedding of times do. */
function becomesWaves(name: string, readers: Readers): boolean {
  const reached = new Set([name]);
  // Values that are added during the walk are visited too.
  for (const value of reached) {
    const own = readers.get(value) ?? [];
    if (own.length === 0 || reached.size > MOST_BEFORE_WAVES) return false;
    for (const { node } of own) {
      if (node.opType === 'Sin' || node.opType === 'Cos') continue;
      if (!BEFORE_WAVES.includes(node.opType)) return false;
      reached.add(node.output[0] ?? '');
    }
  }
  return true;
}

/** Whether a tensor is the gain or bias, without effect, of the instance norms that group norms are written as. */
function hasNoEffect(name: string, value: Known, readers: Readers): boolean {
  return (readers.get(name) ?? []).every(({ node, operand }) => {
    if (node.opType !== 'InstanceNormalization') return false;
    const neutral = operand === 1 ? 1 : 0;
    const after = readers.get(node.output[0] ?? '') ?? [];
    return value.data.every((one) => one === neutral) && after.every(({ node: { opType } }) => opType === 'Reshape');
  });
}

/**
 * Names of the weights that are likely to have been trained: floats with axes that are an operand of a product, a
 * convolution or a norm, or have more than one number; but not what only normalises, scales or bounds, nor the
 * frequencies of an embedding of times.
 *
 * @param sources tensors from which others are made, see {@link addStoredWeights}
 */
export function likelyTrained(graph: GraphProto, weights: Weights, sources: ReadonlySet<string>): Set<string> {
  const readers = readersOf(graph);
  const isTrained = (name: string, value: Known): boolean => {
    const { type, shape } = value;
    const own = readers.get(name) ?? [];
    if (!type.isFloat || shape.length === 0 || sizeOf(shape) === 0 || sources.has(name) || own.length === 0)
      return false;
    const isIn = (
      table: Readonly<Record<string, readonly number[]>>,
      { node, operand }: (typeof own)[number],
    ): boolean => Object.hasOwn(table, node.opType) && table[node.opType]!.includes(operand);
    if (own.some((use) => isIn(NO_WEIGHTS, use))) return false;
    if (sizeOf(shape) === 1 && !own.some((use) => isIn(WEIGHTS, use))) return false;
    const isFrequency = own.every(({ node }) => node.opType === 'Mul') && becomesWaves(name, readers);
    return !isFrequency && !hasNoEffect(name, value, readers);
  };
  return new Set([...weights].filter(([name, value]) => isTrained(name, value)).map(([name]) => name));
}

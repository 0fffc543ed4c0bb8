import { sameShape, type BinaryPrimitive, type Tensor, type UnaryPrimitive } from '@flowmap/tensor';
import { dataTypes } from '../graph.js';
import { direct, type Context, type Lowering } from './context.js';

/** Operands broadcast, so constants of equal elements can be scalars, unless nothing else carries the result's shape. */
function broadcasting(tensor: Tensor, { value, compact }: Context): string[] {
  const carries = (operand: Tensor): boolean => !isSplat(operand) && sameShape(operand.shape, tensor.shape);
  return tensor.operands.map(tensor.operands.some(carries) ? compact : value);
}

function isSplat(tensor: Tensor): boolean {
  return tensor.is('constant') && tensor.attributes.data.length === 1;
}

const binary =
  (opType: string): Lowering<BinaryPrimitive> =>
  (tensor, context) =>
    context.graph.node(opType, broadcasting(tensor, context));

/**
 * onnxruntime's `Sigmoid` is off by 1e-7 of 1, whatever the result: it is 0 below -18, and so it divides by zero and has no
 * logarithm. `1 / (1 + exp(-x))` is right to the last digits but takes three more passes, so networks full of `silu`, whose
 * derivative has the same sigmoid in it, keep that. A half has no more digits than it, and no such large exponentials.
 */
const sigmoid: Lowering<'sigmoid'> = (tensor, { graph, value, isGate }) => {
  const x = tensor.operands[0]!;
  if (tensor.dtype !== 'float32' || isGate(x)) return graph.node('Sigmoid', [value(x)]);
  const inverse = graph.node('Add', [graph.node('Exp', [graph.node('Neg', [value(x)])]), graph.scalar(1)]);
  return graph.node('Div', [graph.scalar(1), inverse]);
};

export const elementwise: {
  readonly [P in UnaryPrimitive | BinaryPrimitive | 'select' | 'cast' | 'identity' | 'stopGradient']: Lowering<P>;
} = {
  neg: direct('Neg'),
  exp: direct('Exp'),
  log: direct('Log'),
  sqrt: direct('Sqrt'),
  square: ({ operands: [x] }, { graph, value }) => graph.node('Mul', [value(x!), value(x!)]),
  sin: direct('Sin'),
  cos: direct('Cos'),
  tanh: direct('Tanh'),
  sigmoid,
  // An error of 1e-7 in the factor is one in the last place of a number of x's size.
  silu: ({ operands: [x] }, { graph, value }) => graph.node('Mul', [value(x!), graph.node('Sigmoid', [value(x!)])]),
  softplus: direct('Softplus'),
  erf: direct('Erf'),
  abs: direct('Abs'),
  sign: direct('Sign'),

  add: binary('Add'),
  sub: binary('Sub'),
  mul: binary('Mul'),
  div: binary('Div'),
  maximum: binary('Max'),
  minimum: binary('Min'),
  equal: binary('Equal'),
  less: (tensor, context) => {
    const [a, b] = broadcasting(tensor, context);
    if (tensor.operands[0]!.dtype !== 'bool') return context.graph.node('Less', [a!, b!]);
    return context.graph.node('And', [context.graph.node('Not', [a!]), b!]);
  },
  select: (tensor, context) => {
    const [condition, a, b] = broadcasting(tensor, context) as [string, string, string];
    const { graph } = context;
    if (tensor.dtype !== 'bool') return graph.node('Where', [condition, a, b]);
    // onnxruntime has no Where of booleans.
    const otherwise = graph.node('And', [graph.node('Not', [condition]), b]);
    return graph.node('Or', [graph.node('And', [condition, a]), otherwise]);
  },

  cast: direct('Cast', ({ attributes: { dtype } }) => ({ to: dataTypes[dtype] })),
  identity: ({ operands: [x] }, { value }) => value(x!),
  stopGradient: ({ operands: [x] }, { value }) => value(x!),
};

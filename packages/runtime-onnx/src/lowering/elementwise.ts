import {
  isFloat,
  sameShape,
  type DType,
  type BinaryPrimitive,
  type Tensor,
  type UnaryPrimitive,
} from '@flowmap/tensor';
import { dataTypes, type Graph } from '../graph.js';
import { direct, type Context, type Lowering } from './context.js';

/** Operands broadcast, so constants of equal elements can be scalars unless nothing else has the result's shape. */
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
 * onnxruntime's `Sigmoid` has an absolute error of 1e-7 whatever the result: it is 0 below -18, so dividing by it or
 * taking its logarithm fails. `1 / (1 + exp(-x))` is accurate to the last digits but takes three more passes, so
 * networks full of `silu`, whose derivative contains the same sigmoid, keep the operator. A half has no more digits
 * than that, and no such large exponentials.
 */
const sigmoid: Lowering<'sigmoid'> = (tensor, { graph, value, isGate }) => {
  const x = tensor.operands[0]!;
  if (tensor.dtype !== 'float32' || isGate(x)) return graph.node('Sigmoid', [value(x)]);
  const inverse = graph.node('Add', [graph.node('Exp', [graph.node('Neg', [value(x)])]), graph.scalar(1)]);
  return graph.node('Div', [graph.scalar(1), inverse]);
};

/** Coefficients of p(t) in {@link erfc}, from the power 0 up. */
const tailCoefficients = [
  -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
  0.17087277,
];

/**
 * `t exp(-z^2 + p(t))` with z = |x| and t = 1 / (1 + z / 2), with a relative error of 1.2e-7 however small the result
 * (Press et al., Numerical Recipes in C, second edition, section 6.2); for negative x, 2 minus that.
 */
const erfc: Lowering<'erfc'> = ({ operands: [x], dtype }, { graph, value }) => {
  const scalar = (number: number): string => graph.scalar(number);
  const wide = dtype === 'float16' ? graph.node('Cast', [value(x!)], { to: dataTypes.float32 }) : value(x!);
  const z = graph.node('Abs', [wide]);
  const t = graph.node('Div', [scalar(1), graph.node('Add', [graph.node('Mul', [z, scalar(0.5)]), scalar(1)])]);
  const p = tailCoefficients
    .map(scalar)
    .reduceRight((rest, coefficient) => graph.node('Add', [graph.node('Mul', [rest, t]), coefficient]));
  const tail = graph.node('Mul', [t, graph.node('Exp', [graph.node('Sub', [p, graph.node('Mul', [z, z])])])]);
  const isLeft = graph.node('Less', [wide, scalar(0)]);
  const result = graph.node('Where', [isLeft, graph.node('Sub', [scalar(2), tail]), tail]);
  return dtype === 'float16' ? graph.node('Cast', [result], { to: dataTypes.float16 }) : result;
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
  // An error of 1e-7 in the factor is one unit in the last place of a number of x's size.
  silu: ({ operands: [x] }, { graph, value }) => graph.node('Mul', [value(x!), graph.node('Sigmoid', [value(x!)])]),
  softplus: direct('Softplus'),
  erf: direct('Erf'),
  erfc,
  abs: direct('Abs'),
  // onnxruntime's sign of a NaN in float16 is 0.
  sign: ({ operands: [x], dtype }, { graph, value }) => {
    if (dtype !== 'float16') return graph.node('Sign', [value(x!)]);
    const wide = graph.node('Cast', [value(x!)], { to: dataTypes.float32 });
    return graph.node('Cast', [graph.node('Sign', [wide])], { to: dataTypes.float16 });
  },

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
    // onnxruntime has no Where for booleans.
    const otherwise = graph.node('And', [graph.node('Not', [condition]), b]);
    return graph.node('Or', [graph.node('And', [condition, a]), otherwise]);
  },

  cast: ({ operands: [x], dtype }, { graph, value }) =>
    dtype === 'int32' && isFloat(x!.dtype)
      ? wholeNumber(value(x!), x!.dtype, graph)
      : graph.node('Cast', [value(x!)], { to: dataTypes[dtype] }),
  identity: ({ operands: [x] }, { value }) => value(x!),
  stopGradient: ({ operands: [x] }, { value }) => value(x!),
};

/**
 * A float as int32: 0 for NaN, and the largest int32 for anything beyond it, where ONNX leaves casts undefined; casts
 * handle the other end.
 */
function wholeNumber(x: string, dtype: DType, graph: Graph): string {
  const wide = dtype === 'float16' ? graph.node('Cast', [x], { to: dataTypes.float32 }) : x;
  const least = graph.node('Max', [wide, graph.scalar(-(2 ** 31))]);
  const known = graph.node('Where', [graph.node('Equal', [wide, wide]), least, graph.scalar(0)]);
  const whole = graph.node('Cast', [known], { to: dataTypes.int32 });
  return graph.node('Where', [
    graph.node('Less', [known, graph.scalar(2 ** 31)]),
    whole,
    graph.scalar(2 ** 31 - 1, 'int32'),
  ]);
}

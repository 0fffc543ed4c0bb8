import { DTypeError, ShapeError } from '../errors.js';
import { largerMask, maximalShare, softmaxDerivative, unaryDerivatives } from './derivatives.js';
import { select, sumTo } from '../library/functions.js';
import { isFloat } from '../graph/dtype.js';
import { variable, zerosLike } from './jvp.js';
import type { Primitive, Primitives, UnaryPrimitive } from '../graph/primitives.js';
import { sameShape } from '../graph/shape.js';
import { bind, reachable, full, type Tensor } from '../graph/tensor.js';

/** A cotangent that is known to be zero everywhere is undefined, and costs nothing. */
type Cotangent = Tensor | undefined;

/**
 * Cotangents of a primitive's operands from that of its result `y`. `wanted[i]` tells whether operand `i` depends on a
 * variable; the rule may skip the others.
 */
type VjpRule<P extends Primitive> = (
  y: Tensor<P>,
  yBar: Tensor,
  wanted: readonly boolean[],
  attributes: Primitives[P],
) => readonly Cotangent[];

const unary = (y: Tensor<UnaryPrimitive>, yBar: Tensor): readonly Cotangent[] => {
  const derivative = unaryDerivatives[y.primitive];
  return [derivative ? yBar.mul(derivative(y.operands[0]!, y)) : undefined];
};

const zero = (): readonly Cotangent[] => [];

const binaryOperands = (y: Tensor): readonly [Tensor, Tensor] => y.operands as readonly [Tensor, Tensor];

const vjpRules: { readonly [P in Primitive]: VjpRule<P> } = {
  input: zero,
  constant: zero,

  neg: (_, yBar) => [yBar.neg()],
  exp: unary,
  log: (y, yBar) => [yBar.div(y.operands[0]!)],
  sqrt: unary,
  // 2 x yBar, the 2 outside: twice a large x may overflow where the result does not.
  square: (y, yBar) => [yBar.mul(y.operands[0]!).mul(2)],
  sin: unary,
  cos: unary,
  tanh: unary,
  sigmoid: unary,
  silu: unary,
  softplus: unary,
  erf: unary,
  erfc: unary,
  abs: unary,
  sign: zero,

  add: (y, yBar) => y.operands.map((x) => sumTo(yBar, x.shape)),
  sub: (y, yBar, wanted) => {
    const [a, b] = binaryOperands(y);
    return [sumTo(yBar, a.shape), wanted[1] ? sumTo(yBar, b.shape).neg() : undefined];
  },
  mul: (y, yBar, wanted) => {
    const [a, b] = binaryOperands(y);
    return [wanted[0] ? sumTo(yBar.mul(b), a.shape) : undefined, wanted[1] ? sumTo(yBar.mul(a), b.shape) : undefined];
  },
  // y = a / b: aBar = yBar / b, bBar = -y yBar / b
  div: (y, yBar, wanted) => {
    const [a, b] = binaryOperands(y);
    const scaled = yBar.div(b);
    return [sumTo(scaled, a.shape), wanted[1] ? sumTo(scaled.mul(y), b.shape).neg() : undefined];
  },
  maximum: (y, yBar) => {
    const [a, b] = binaryOperands(y);
    return [sumTo(yBar.mul(largerMask(a, b)), a.shape), sumTo(yBar.mul(largerMask(b, a)), b.shape)];
  },
  minimum: (y, yBar) => {
    const [a, b] = binaryOperands(y);
    return [sumTo(yBar.mul(largerMask(b, a)), a.shape), sumTo(yBar.mul(largerMask(a, b)), b.shape)];
  },
  equal: zero,
  less: zero,
  select: (y, yBar) => {
    const [condition, a, b] = y.operands as readonly [Tensor, Tensor, Tensor];
    return [undefined, sumTo(select(condition, yBar, 0), a.shape), sumTo(select(condition, 0, yBar), b.shape)];
  },

  cast: (y, yBar) => {
    const { dtype } = y.operands[0]!;
    return [isFloat(y.dtype) && isFloat(dtype) ? yBar.cast(dtype) : undefined];
  },
  identity: (_, yBar) => [yBar],
  stopGradient: zero,

  reshape: (y, yBar) => [yBar.reshape(y.operands[0]!.shape)],
  transpose: (_, yBar, __, { permutation }) => [yBar.transpose(inverse(permutation))],
  broadcastTo: (y, yBar) => [sumTo(yBar, y.operands[0]!.shape)],
  slice: (y, yBar, _, { starts, ends }) => {
    const after = y.operands[0]!.shape.map((extent, axis) => extent - ends[axis]!);
    return [yBar.pad(starts, after)];
  },
  pad: (y, yBar, _, { before }) => {
    const ends = y.operands[0]!.shape.map((extent, axis) => before[axis]! + extent);
    return [yBar.slice(before, ends)];
  },
  concat: (y, yBar, wanted, { axis }) => {
    let end = 0;
    return y.operands.map((operand, i) => {
      const start = end;
      end += operand.shape[axis]!;
      if (!wanted[i]) return undefined;
      const starts = yBar.shape.map((_, j) => (j === axis ? start : 0));
      const ends = yBar.shape.map((extent, j) => (j === axis ? end : extent));
      return yBar.slice(starts, ends);
    });
  },
  flip: (_, yBar, __, { axes }) => [bind('flip', [yBar], { axes })],

  gather: (y, yBar) => {
    const [x, indices] = binaryOperands(y);
    return [bind('scatterAdd', [yBar, indices], { count: x.shape[0]! })];
  },
  scatterAdd: (y, yBar) => [bind('gather', [yBar, y.operands[1]!], {})],

  sum: (y, yBar, _, { axes }) => [spread(yBar, y.operands[0]!, axes)],
  reduceMax: (y, yBar, _, { axes }) => {
    const x = y.operands[0]!;
    return [spread(yBar, x, axes).mul(maximalShare(x, axes))];
  },
  argMax: zero,
  cumsum: (_, yBar, __, attributes) => [bind('cumsum', [yBar], { ...attributes, reverse: !attributes.reverse })],
  softmax: (y, yBar) => [softmaxDerivative(y.operands[0]!, y, yBar)],

  // With A = op(a), B = op(b), Y = A B: ABar = YBar B^T, BBar = A^T YBar; a transposed operand takes the transposed
  // product.
  matmul: (y, yBar, wanted, { transposeA: ta, transposeB: tb }) => {
    const [a, b] = binaryOperands(y);
    const product = (l: Tensor, r: Tensor, transposeA: boolean, transposeB: boolean): Tensor =>
      bind('matmul', [l, r], { transposeA, transposeB });
    const aBar = (): Tensor => (ta ? product(b, yBar, tb, true) : product(yBar, b, false, !tb));
    const bBar = (): Tensor => (tb ? product(yBar, a, true, ta) : product(a, yBar, !ta, false));
    return [wanted[0] ? aBar() : undefined, wanted[1] ? bBar() : undefined];
  },

  // The three convolutions are the partial derivatives of one trilinear form,
  // T(x, weight, gradient) = <gradient, conv2d(x, weight)>, so the adjoints of each are the other two.
  conv2d: (y, yBar, wanted, conv) => {
    const [x, weight] = binaryOperands(y);
    return [
      wanted[0] ? bind('conv2dInputGradient', [yBar, weight], { ...conv, size: imageSize(x) }) : undefined,
      wanted[1] ? bind('conv2dWeightGradient', [x, yBar], { ...conv, size: imageSize(weight) }) : undefined,
    ];
  },
  conv2dInputGradient: (y, xBar, wanted, { size: _, ...conv }) => {
    const [gradient, weight] = binaryOperands(y);
    return [
      wanted[0] ? bind('conv2d', [xBar, weight], conv) : undefined,
      wanted[1] ? bind('conv2dWeightGradient', [xBar, gradient], { ...conv, size: imageSize(weight) }) : undefined,
    ];
  },
  conv2dWeightGradient: (y, weightBar, wanted, { size: _, ...conv }) => {
    const [x, gradient] = binaryOperands(y);
    return [
      wanted[0] ? bind('conv2dInputGradient', [gradient, weightBar], { ...conv, size: imageSize(x) }) : undefined,
      wanted[1] ? bind('conv2d', [x, weightBar], conv) : undefined,
    ];
  },
  sumPool2d: (_, yBar, __, { factor }) => [yBar.upsample2d(factor)],
  upsample2d: (_, yBar, __, { factor }) => [yBar.sumPool2d(factor)],
};

/**
 * Pulls cotangents back through a graph: for each variable `x` the sum over outputs `y` of `(dy/dx)^T yBar`.
 *
 * @param outputs the tensors whose cotangents are given
 * @param cotangents one per output, of its shape and dtype
 * @param variables the tensors to differentiate by
 * @returns one cotangent per variable; zeros where no output depends on it
 */
export function pullBack(
  outputs: readonly Tensor[],
  cotangents: readonly Tensor[],
  variables: readonly Tensor[],
): Tensor[] {
  const independent = new Set(variables);
  const nodes = reachable(outputs);
  const dependent = new Set<Tensor>();
  for (const node of nodes) {
    if (independent.has(node) || node.operands.some((operand) => dependent.has(operand))) dependent.add(node);
  }
  const bars = new Map<Tensor, Tensor>();
  const accumulate = (node: Tensor, bar: Tensor): void => {
    const sum = bars.get(node);
    bars.set(node, sum ? sum.add(bar) : bar);
  };
  outputs.forEach((output, i) => accumulate(output, cotangents[i]!));
  for (const node of nodes.reverse()) {
    const yBar = bars.get(node);
    if (yBar === undefined || independent.has(node) || !dependent.has(node)) continue;
    const wanted = node.operands.map((operand) => dependent.has(operand));
    const rule = vjpRules[node.primitive] as VjpRule<Primitive>;
    rule(node, yBar, wanted, node.attributes).forEach((bar, i) => {
      if (bar !== undefined && wanted[i]) accumulate(node.operands[i]!, bar);
    });
  }
  return variables.map((x) => bars.get(x) ?? zerosLike(x));
}

/**
 * Value of a function and its pull-back `yBar -> J_f(x)^T yBar` (reverse mode). What `f` closes over is constant.
 *
 * @param f function of one tensor per primal
 * @returns the value, and a function from a cotangent of its shape and dtype to one cotangent per primal; it throws a
 *   {@link ShapeError} or {@link DTypeError} for another
 */
export function vjp(
  f: (...primals: Tensor[]) => Tensor,
  primals: readonly Tensor[],
): [value: Tensor, pullback: (yBar: Tensor) => Tensor[]] {
  const variables = primals.map(variable);
  const value = f(...variables);
  const pullback = (yBar: Tensor): Tensor[] => {
    if (!sameShape(yBar.shape, value.shape)) {
      throw new ShapeError('vjp, cotangent', 'the shape of the value', [value.shape, yBar.shape]);
    }
    if (isFloat(value.dtype) && yBar.dtype !== value.dtype) {
      throw new DTypeError('vjp, cotangent', 'the dtype of the value', [value.dtype, yBar.dtype]);
    }
    return pullBack([value], [yBar], variables);
  };
  return [value, pullback];
}

/**
 * Gradient of a scalar function: `df/dx_i` for every argument.
 *
 * @param f function with a scalar result
 * @throws {ShapeError} when the result is not a scalar
 * @throws {DTypeError} when the result is not a float
 *
 * @example
 * const x = input('x', [3]);
 * const [dx] = grad((x) => x.square().sum(), [x]); // 2 x
 */
export function grad(f: (...primals: Tensor[]) => Tensor, primals: readonly Tensor[]): Tensor[] {
  const variables = primals.map(variable);
  return gradients(f(...variables), variables);
}

/**
 * Gradient of a scalar tensor by tensors it was computed from: `d loss / d x` for every named `x`.
 *
 * @param loss a scalar
 * @param variables the tensors to differentiate by
 * @returns gradients under the names and with the shapes and dtypes of the variables
 * @throws {ShapeError} when the loss is not a scalar
 * @throws {DTypeError} when the loss is not a float
 */
export function gradients<K extends string>(loss: Tensor, variables: Readonly<Record<K, Tensor>>): Record<K, Tensor>;
export function gradients(loss: Tensor, variables: readonly Tensor[]): Tensor[];
export function gradients(loss: Tensor, variables: Readonly<Record<string, Tensor>> | readonly Tensor[]): unknown {
  if (loss.rank !== 0) throw new ShapeError('gradient', 'a scalar to differentiate', [loss.shape]);
  if (!isFloat(loss.dtype)) throw new DTypeError('gradient', 'a float to differentiate', [loss.dtype]);
  const one = full(1, [], loss.dtype);
  if (variables instanceof Array) return pullBack([loss], [one], variables);
  const bars = pullBack([loss], [one], Object.values(variables));
  return Object.fromEntries(Object.keys(variables).map((name, i) => [name, bars[i]]));
}

/** A reduction's cotangent repeated along the axes that were reduced. */
function spread(yBar: Tensor, x: Tensor, axes: readonly number[]): Tensor {
  const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  return yBar.reshape(kept).broadcastTo(x.shape);
}

function inverse(permutation: readonly number[]): number[] {
  const result = new Array<number>(permutation.length);
  permutation.forEach((axis, i) => (result[axis] = i));
  return result;
}

function imageSize(image: Tensor): readonly [number, number] {
  return [image.shape[2]!, image.shape[3]!];
}

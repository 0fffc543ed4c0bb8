import { DTypeError, ShapeError } from '../errors.js';
import { largerMask, maximalShare, softmaxDerivative, unaryDerivatives } from './derivatives.js';
import { concat, select } from '../library/functions.js';
import { isFloat } from '../graph/dtype.js';
import type { Primitive, Primitives, UnaryPrimitive } from '../graph/primitives.js';
import { sameShape } from '../graph/shape.js';
import { bind, reachable, full, type Tensor } from '../graph/tensor.js';

/** A tangent that is known to be zero everywhere is undefined, and costs nothing. */
export type Tangent = Tensor | undefined;

/** Directional derivative of a primitive's result `y` from those of its operands; at least one of these is not zero. */
type JvpRule<P extends Primitive> = (y: Tensor<P>, tangents: readonly Tangent[], attributes: Primitives[P]) => Tangent;

const unary = (y: Tensor<UnaryPrimitive>, [dx]: readonly Tangent[]): Tangent => {
  const derivative = unaryDerivatives[y.primitive];
  return derivative ? dx!.mul(derivative(y.operands[0]!, y)) : undefined;
};

/** A map that is linear in its one operand: the tangent goes through the same primitive. */
const linear = <P extends Primitive>(y: Tensor<P>, [dx]: readonly Tangent[]): Tangent =>
  bind(y.primitive, [dx!], y.attributes);

/** A map that is linear in each of two operands: `d B(a, b) = B(da, b) + B(a, db)`. */
const bilinear = <P extends Primitive>(y: Tensor<P>, [da, db]: readonly Tangent[]): Tangent => {
  const [a, b] = y.operands as readonly [Tensor, Tensor];
  return sumOf([da && bind(y.primitive, [da, b], y.attributes), db && bind(y.primitive, [a, db], y.attributes)]);
};

const zero = (): Tangent => undefined;

const jvpRules: { readonly [P in Primitive]: JvpRule<P> } = {
  input: zero,
  constant: zero,

  neg: (_, [dx]) => dx!.neg(),
  exp: unary,
  log: (y, [dx]) => dx!.div(y.operands[0]!),
  sqrt: unary,
  // 2 x dx, with the 2 outermost, where it can move past sums.
  square: (y, [dx]) => dx!.mul(y.operands[0]!).mul(2),
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

  add: (y, [da, db]) => shaped(y, sumOf([da, db])),
  sub: (y, [da, db]) => shaped(y, da && db ? da.sub(db) : (da ?? db?.neg())),
  mul: bilinear,
  // d(a / b) = (da - y db) / b
  div: (y, [da, db]) => {
    const ydb = db?.mul(y);
    const numerator = da && ydb ? da.sub(ydb) : (da ?? ydb!.neg());
    return numerator.div(y.operands[1]!);
  },
  maximum: (y, [da, db]) => {
    const [a, b] = y.operands as readonly [Tensor, Tensor];
    return shaped(y, sumOf([da?.mul(largerMask(a, b)), db?.mul(largerMask(b, a))]));
  },
  minimum: (y, [da, db]) => {
    const [a, b] = y.operands as readonly [Tensor, Tensor];
    return shaped(y, sumOf([da?.mul(largerMask(b, a)), db?.mul(largerMask(a, b))]));
  },
  equal: zero,
  less: zero,
  select: (y, [, da, db]) => shaped(y, select(y.operands[0]!, da ?? 0, db ?? 0)),

  cast: (y, [dx]) => (isFloat(y.dtype) ? dx!.cast(y.dtype) : undefined),
  identity: (_, [dx]) => dx,
  stopGradient: zero,

  reshape: linear,
  transpose: linear,
  broadcastTo: linear,
  slice: linear,
  pad: linear,
  concat: (y, tangents, { axis }) => {
    const pieces = y.operands.map((operand, i) => tangents[i] ?? full(0, operand.shape, y.dtype));
    return concat(pieces, axis);
  },
  flip: linear,

  gather: (y, [dx]) => bind('gather', [dx!, y.operands[1]!], {}),
  scatterAdd: (y, [drows], attributes) => bind('scatterAdd', [drows!, y.operands[1]!], attributes),

  sum: linear,
  reduceMax: (y, [dx], { axes, keepDims }) => dx!.mul(maximalShare(y.operands[0]!, axes)).sum(axes, keepDims),
  argMax: zero,
  cumsum: linear,
  softmax: (y, [dx]) => softmaxDerivative(y.operands[0]!, y, dx!),

  matmul: bilinear,
  conv2d: bilinear,
  conv2dInputGradient: bilinear,
  conv2dWeightGradient: bilinear,
  sumPool2d: linear,
  upsample2d: linear,
};

/**
 * Pushes tangents through a graph: for each output `y` the directional derivative `sum_i dy/dx_i dx_i`.
 *
 * @param outputs tensors to differentiate
 * @param seeds tangent of each tensor that is treated as an independent variable, with that tensor's shape and dtype
 * @returns one tangent per output; undefined if the output does not depend on a seed
 */
export function pushForward(outputs: readonly Tensor[], seeds: ReadonlyMap<Tensor, Tensor>): Tangent[] {
  const tangents = new Map<Tensor, Tensor>(seeds);
  for (const node of reachable(outputs)) {
    if (tangents.has(node)) continue;
    const operands = node.operands.map((operand) => tangents.get(operand));
    if (operands.every((tangent) => tangent === undefined)) continue;
    const rule = jvpRules[node.primitive] as JvpRule<Primitive>;
    const tangent = rule(node, operands, node.attributes);
    if (tangent !== undefined) tangents.set(node, tangent);
  }
  return outputs.map((output) => tangents.get(output));
}

/**
 * Value and directional derivative of a function: `f(x)` and `J_f(x) dx`, in one traced forward pass (forward mode).
 * What `f` closes over is constant, even if it was computed from the primals.
 *
 * @param f function of one tensor per primal
 * @param primals the point
 * @param tangents the direction, one per primal, of its shape and dtype; undefined = zero
 * @returns the value and its tangent, of equal shape and dtype
 * @throws {ShapeError} when a tangent's shape is not its primal's
 * @throws {DTypeError} when a primal with a tangent is not a float, or the tangent has another dtype
 *
 * @example
 * const [x, dx] = [input('x', [3]), input('dx', [3])];
 * const [y, dy] = jvp((x) => x.sin(), [x], [dx]); // dy = cos(x) dx
 */
export function jvp(
  f: (...primals: Tensor[]) => Tensor,
  primals: readonly Tensor[],
  tangents: readonly Tangent[],
): [value: Tensor, tangent: Tensor] {
  const variables = primals.map(variable);
  const seeds = new Map<Tensor, Tensor>();
  variables.forEach((x, i) => {
    const tangent = tangents[i];
    if (tangent === undefined) return;
    if (!sameShape(tangent.shape, x.shape)) {
      throw new ShapeError(`jvp, tangent ${i}`, 'the shape of its primal', [x.shape, tangent.shape]);
    }
    if (!isFloat(x.dtype) || tangent.dtype !== x.dtype) {
      throw new DTypeError(`jvp, tangent ${i}`, 'a float primal and a tangent of its dtype', [x.dtype, tangent.dtype]);
    }
    seeds.set(x, tangent);
  });
  const value = f(...variables);
  return [value, pushForward([value], seeds)[0] ?? zerosLike(value)];
}

/** A fresh node for a function's argument, so that only its own uses are differentiated. */
export function variable(x: Tensor): Tensor {
  return bind('identity', [x], {});
}

/** A derivative that is zero: of the tensor's dtype, or float32 if that dtype has no derivatives. */
export function zerosLike({ shape, dtype }: Tensor): Tensor {
  return full(0, shape, isFloat(dtype) ? dtype : 'float32');
}

/** Sum of the tangents that are not zero. */
function sumOf(tangents: readonly Tangent[]): Tangent {
  return tangents.reduce((total, tangent) => (total && tangent ? total.add(tangent) : (total ?? tangent)), undefined);
}

/** Broadcasts a tangent to its primal's shape, for operands that were broadcast. */
function shaped(y: Tensor, tangent: Tangent): Tangent {
  return tangent === undefined || sameShape(tangent.shape, y.shape) ? tangent : tangent.broadcastTo(y.shape);
}

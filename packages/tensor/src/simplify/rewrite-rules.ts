import { fold, isSplat, valueOf } from './fold.js';
import { isFloat, isHalf, type DType } from '../graph/dtype.js';
import { joinPads } from './join-pads.js';
import type { BinaryPrimitive, Primitive, Primitives } from '../graph/primitives.js';
import { broadcastShapes, sameShape, sizeOf, type Shape } from '../graph/shape.js';
import { full, type Tensor } from '../graph/tensor.js';

/** Makes a node of the simplified graph: applies the rules to it, then shares it with equal nodes. */
export type Make = <P extends Primitive>(
  primitive: P,
  operands: readonly Tensor[],
  attributes: Primitives[P],
) => Tensor;

/**
 * A cheaper tensor of equal value, shape and dtype, or undefined if there is none. Equal means to the last bit in the
 * dtype's own arithmetic, except for the sign of zero; if something overflows or underflows on the way, the new form
 * loses no more than the given one. So sums are not regrouped, and only powers of two move and merge as factors. Three
 * rules leave out rounding: `a - (a - c)` becomes c, `log(sigmoid(x))` becomes a more accurate form, and constants are
 * computed in double precision.
 *
 * Operands are already simplified; a rule that calls `make` passes it less than it got (fewer or smaller nodes, or a
 * sign or a scalar moved outwards), so rewriting terminates.
 *
 * @param shape shape of the result
 */
export type RewriteRule<P extends Primitive> = (
  operands: readonly Tensor[],
  attributes: Primitives[P],
  shape: Shape,
  make: Make,
) => Tensor | undefined;

/** A map that is linear in each operand gives zero if one of them is zero. */
const zeroOfZero: RewriteRule<Primitive> = (operands, _, shape) =>
  operands.some((operand) => isSplat(operand, 0)) ? full(0, shape, operands[0]!.dtype) : undefined;

export const rewriteRules: { readonly [P in Primitive]?: RewriteRule<P> } = {
  identity: ([x]) => x,
  stopGradient: ([x]) => x,
  constant: (_, { data, shape, dtype }) =>
    data.length > 1 && data.every((value) => Object.is(value, data[0])) ? full(data[0]!, shape, dtype) : undefined,

  neg: ([x], _, __, make) => {
    if (x!.is('neg')) return x.operands[0];
    return x!.is('sub') ? make('sub', [x.operands[1]!, x.operands[0]!], {}) : undefined;
  },
  // -softplus(-x), which keeps its digits where the sigmoid has lost its own or is 0.
  log: ([x], _, __, make) =>
    x!.is('sigmoid') ? make('neg', [make('softplus', [make('neg', x.operands, {})], {})], {}) : undefined,
  square: ([x], _, __, make) => (x!.is('neg') ? make('square', x.operands, {}) : undefined),
  abs: ([x], _, __, make) => (x!.is('neg') ? make('abs', x.operands, {}) : undefined),

  add: ([a, b], _, shape, make) => {
    if (isSplat(a!, 0)) return make('broadcastTo', [b!], { shape });
    if (isSplat(b!, 0)) return make('broadcastTo', [a!], { shape });
    if (b!.is('neg')) return make('sub', [a!, b.operands[0]!], {});
    if (a!.is('neg')) return make('sub', [b!, a.operands[0]!], {});
    if (a === b && isFloat(a!.dtype)) return make('mul', [a!, full(2, [], a!.dtype)], {});
    const joined = joinPads([a!, b!]);
    if (joined) {
      const { parts, axis, before, after } = joined;
      return make('pad', [make('concat', parts, { axis })], { before, after });
    }
    return narrowed('add', [a!, b!], shape, make);
  },
  sub: ([a, b], _, shape, make) => {
    if (isSplat(b!, 0)) return make('broadcastTo', [a!], { shape });
    if (isSplat(a!, 0) && isFloat(b!.dtype)) {
      return make('broadcastTo', [make('neg', [b!], {})], { shape });
    }
    if (b!.is('neg')) return make('add', [a!, b.operands[0]!], {});
    // a - (a - c) = c, the form of every regression onto a shifted prediction with stopped gradient.
    if (b!.is('sub') && b.operands[0] === a) return make('broadcastTo', [b.operands[1]!], { shape });
    return narrowed('sub', [a!, b!], shape, make);
  },
  mul: ([a, b], _, shape, make) => {
    if (isSplat(a!) && !isSplat(b!)) return make('mul', [b!, a], {});
    if (isSplat(b!, 0)) return full(0, shape, b.dtype);
    if (isSplat(b!, 1)) return make('broadcastTo', [a!], { shape });
    if (isSplat(b!, -1) && isFloat(b.dtype)) return make('broadcastTo', [make('neg', [a!], {})], { shape });
    const narrow = narrowed('mul', [a!, b!], shape, make);
    if (narrow) return narrow;
    if (isSplat(b!)) {
      if (a!.is('neg')) return make('mul', [a.operands[0]!, full(-valueOf(b), b.shape, b.dtype)], {});
      if (!a!.is('mul')) return undefined;
      const [x, factor] = a.operands as readonly [Tensor, Tensor];
      const merged = isPowerOfTwo(factor) || isPowerOfTwo(b) ? fold('mul', [factor, b]) : undefined;
      return merged && isOrdinary(merged) ? make('mul', [x, merged], {}) : undefined;
    }
    if (a!.is('neg') && b!.is('neg')) return make('mul', [a.operands[0]!, b.operands[0]!], {});
    if (a!.is('neg')) return make('neg', [make('mul', [a.operands[0]!, b!], {})], {});
    if (b!.is('neg')) return make('neg', [make('mul', [a!, b.operands[0]!], {})], {});
    return a!.size < b!.size ? movedToSmaller(b!, a!, make) : movedToSmaller(a!, b!, make);
  },
  div: ([a, b], _, shape, make) => {
    if (isSplat(a!, 0)) return full(0, shape, a.dtype);
    if (isSplat(b!)) {
      if (!isPowerOfTwo(b)) return undefined;
      const inverse = full(1 / valueOf(b), b.shape, b.dtype);
      return isOrdinary(inverse) ? make('mul', [a!, inverse], {}) : undefined;
    }
    return narrowed('div', [a!, b!], shape, make);
  },
  maximum: ([a, b], _, shape, make) => (a === b ? a : narrowed('maximum', [a!, b!], shape, make)),
  minimum: ([a, b], _, shape, make) => (a === b ? a : narrowed('minimum', [a!, b!], shape, make)),
  equal: ([a, b], _, shape, make) => narrowed('equal', [a!, b!], shape, make),
  less: ([a, b], _, shape, make) => narrowed('less', [a!, b!], shape, make),
  select: ([condition, a, b], _, shape, make) => {
    if (a === b) return make('broadcastTo', [a!], { shape });
    return isSplat(condition!) ? make('broadcastTo', [valueOf(condition) === 0 ? b! : a!], { shape }) : undefined;
  },

  cast: ([x], { dtype }, shape, make) => {
    if (x!.dtype === dtype) return x;
    // Float32 holds every half, so nothing was lost on the way; the other way round, the rounding is intended.
    if (x!.is('cast') && x.dtype === 'float32' && isHalf(x.operands[0]!.dtype))
      return make('cast', x.operands, { dtype });
    return isSplat(x!) && isFloat(x.dtype) && isFloat(dtype) ? full(valueOf(x), shape, dtype) : undefined;
  },
  reshape: ([x], { shape }, _, make) => {
    if (sameShape(x!.shape, shape)) return x;
    if (x!.is('reshape')) return make('reshape', x.operands, { shape });
    if (x!.is('mul') && isScalar(x.operands[1]!)) {
      return make('mul', [make('reshape', [x.operands[0]!], { shape }), x.operands[1]!], {});
    }
    return repeated(x!, shape);
  },
  transpose: ([x], { permutation }, shape, make) => {
    if (permutation.every((axis, i) => axis === i)) return x;
    if (isSplat(x!)) return repeated(x, shape);
    if (x!.is('transpose')) {
      const first = x.attributes.permutation;
      return make('transpose', x.operands, { permutation: permutation.map((axis) => first[axis]!) });
    }
    return movesOnlyUnits(x!, permutation) ? make('reshape', [x!], { shape }) : undefined;
  },
  broadcastTo: ([x], { shape }, _, make) => {
    if (sameShape(x!.shape, shape)) return x;
    return repeated(x!, shape) ?? (x!.is('broadcastTo') ? make('broadcastTo', x.operands, { shape }) : undefined);
  },
  slice: ([x], { starts, ends }, shape, make) => {
    if (sameShape(x!.shape, shape)) return x;
    if (!x!.is('slice')) return repeated(x!, shape);
    const outer = x.attributes.starts;
    const shift = (bounds: readonly number[]): number[] => bounds.map((bound, axis) => bound + outer[axis]!);
    return make('slice', x.operands, { starts: shift(starts), ends: shift(ends) });
  },
  pad: ([x], _, shape) => (isSplat(x!, 0) ? full(0, shape, x.dtype) : sameShape(x!.shape, shape) ? x : undefined),
  concat: (operands, { axis }, shape, make) => {
    if (operands.length === 1) return operands[0];
    const nested = (x: Tensor): x is Tensor<'concat'> => x.is('concat') && x.attributes.axis === axis;
    const parts = operands.flatMap((x) => (nested(x) ? x.operands : [x]));
    if (operands.some(nested)) return make('concat', parts, { axis });
    const first = operands[0]!;
    // 0 === -0, but the two must be distinguished.
    const alike = (x: Tensor): boolean => isSplat(x) && isSplat(first) && Object.is(valueOf(x), valueOf(first));
    return operands.every(alike) ? repeated(first, shape) : undefined;
  },

  sum: ([x], { axes, keepDims }, shape, make) => {
    const count = sizeOf(axes.map((axis) => x!.shape[axis]!));
    if (count === 1) return make('reshape', [x!], { shape });
    if (isSplat(x!)) return full(repeatedSum(valueOf(x), count, x.dtype), shape, x.dtype);
    // A sign and a doubling are cheaper after the reduction than before it.
    const inner = (): Tensor => make('sum', [x!.operands[0]!], { axes, keepDims });
    if (x!.is('mul') && isDoubling(x.operands[1]!)) return make('mul', [inner(), x.operands[1]], {});
    return x!.is('neg') ? make('neg', [inner()], {}) : undefined;
  },
  reduceMax: ([x], { axes }, shape, make) =>
    axes.every((axis) => x!.shape[axis] === 1) ? make('reshape', [x!], { shape }) : repeated(x!, shape),

  matmul: ([a, b], { transposeA, transposeB }, shape, make) => {
    if (isSplat(a!, 0) || isSplat(b!, 0)) return full(0, shape, a!.dtype);
    if (swapsLastTwo(a!)) return make('matmul', [a.operands[0]!, b!], { transposeA: !transposeA, transposeB });
    if (swapsLastTwo(b!)) return make('matmul', [a!, b.operands[0]!], { transposeA, transposeB: !transposeB });
    return undefined;
  },
  flip: ([x], { axes }, shape, make) => {
    const long = axes.filter((axis) => shape[axis] !== 1);
    if (long.length === 0) return x;
    if (long.length < axes.length) return make('flip', [x!], { axes: long });
    if (x!.is('flip') && x.attributes.axes.join() === axes.join()) return x.operands[0];
    return repeated(x!, shape);
  },
  gather: ([x], _, shape) => repeated(x!, shape),
  scatterAdd: ([rows], _, shape) => (isSplat(rows!, 0) ? full(0, shape, rows.dtype) : undefined),
  cumsum: zeroOfZero,
  conv2d: zeroOfZero,
  conv2dInputGradient: zeroOfZero,
  conv2dWeightGradient: zeroOfZero,
  sumPool2d: zeroOfZero,
  upsample2d: ([x], _, shape) => repeated(x!, shape),
};

/** The same number in another shape, if `x` is a constant of one number. */
function repeated(x: Tensor, shape: Shape): Tensor | undefined {
  return isSplat(x) ? full(valueOf(x), shape, x.dtype) : undefined;
}

/** A number added to itself `count` times; whole numbers modulo 2^32. */
function repeatedSum(value: number, count: number, dtype: DType): number {
  return dtype === 'int32' ? Math.imul(value, count) : value * count;
}

function isScalar(x: Tensor): boolean {
  return isSplat(x) && x.rank === 0;
}

/** True for a float 2^k or -2^k, repeated: a product with it keeps all digits of the other factor. */
function isPowerOfTwo(x: Tensor): x is Tensor<'constant'> {
  return isSplat(x) && isFloat(x.dtype) && Number.isInteger(Math.log2(Math.abs(valueOf(x))));
}

/** True for a scalar 2^k or -2^k with k >= 0: if the product is finite, nothing was lost. */
function isDoubling(x: Tensor): x is Tensor<'constant'> {
  return isPowerOfTwo(x) && isScalar(x) && Math.abs(valueOf(x)) >= 1;
}

/** True for a constant of one number that is zero, or neither overflows nor loses digits in its dtype. */
function isOrdinary(x: Tensor): boolean {
  const size = isSplat(x) ? Math.abs(valueOf(x)) : NaN;
  const [least, limit] = x.dtype === 'float16' ? [2 ** -14, 65520] : [2 ** -126, 2 ** 128];
  return size === 0 || (size >= least && size < limit);
}

/**
 * `(x s) (y c)` as `x (y (s c))` for a smaller y, s a doubling and |s c| <= 1: the product with y overflows no sooner
 * than y itself, and loses no more than the product with c alone.
 */
function movedToSmaller(large: Tensor, small: Tensor, make: Make): Tensor | undefined {
  if (large.size <= small.size || !large.is('mul') || !small.is('mul')) return undefined;
  const [x, s] = large.operands as readonly [Tensor, Tensor];
  const [y, c] = small.operands as readonly [Tensor, Tensor];
  const factor = isDoubling(s) && isScalar(c) ? fold('mul', [s, c]) : undefined;
  if (!factor || Math.abs(valueOf(factor)) > 1 || !isOrdinary(factor)) return undefined;
  return make('mul', [x, make('mul', [y, factor], {})], {});
}

/**
 * Uses an operand that was repeated only to meet the other one as it was before; a constant of one number becomes a
 * scalar.
 */
function narrowed(
  primitive: BinaryPrimitive,
  operands: readonly Tensor[],
  shape: Shape,
  make: Make,
): Tensor | undefined {
  for (const [i, operand] of operands.entries()) {
    const source = operand.is('broadcastTo')
      ? operand.operands[0]!
      : operand.rank > 0
        ? repeated(operand, [])
        : undefined;
    if (source === undefined) continue;
    const narrow = operands.map((other, j) => (j === i ? source : other));
    const shapes = narrow.map((x) => x.shape);
    if (sameShape(broadcastShapes(primitive, shapes), shape)) return make(primitive, narrow, {});
  }
  return undefined;
}

/** True for a transposition of just the last two axes. */
function swapsLastTwo(x: Tensor): x is Tensor<'transpose'> {
  if (!x.is('transpose') || x.rank < 2) return false;
  const last = x.rank - 1;
  return x.attributes.permutation.every((axis, i) => axis === (i === last ? last - 1 : i === last - 1 ? last : i));
}

/** True if a permutation keeps the order of all axes longer than 1, so that the memory layout does not change. */
function movesOnlyUnits(x: Tensor, permutation: readonly number[]): boolean {
  const long = permutation.filter((axis) => x.shape[axis] !== 1);
  return long.every((axis, i) => i === 0 || long[i - 1]! < axis);
}

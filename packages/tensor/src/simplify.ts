import { foldElementwise } from './fold.js';
import type { Primitive, Primitives } from './primitives.js';
import { broadcastShapes, sameShape, sizeOf } from './shape.js';
import { bind, reachable, splat, Tensor } from './tensor.js';

/** Makes nodes of the simplified graph: applies the rewriting rules, then shares equal nodes. */
type Make = <P extends Primitive>(primitive: P, operands: readonly Tensor[], attributes: Primitives[P]) => Tensor;

/** A cheaper tensor of equal value, shape and dtype, or undefined when there is none. Operands are already simplified. */
type RewriteRule<P extends Primitive> = (
  operands: readonly Tensor[],
  attributes: Primitives[P],
  make: Make,
) => Tensor | undefined;

const rewriteRules: { readonly [P in Primitive]?: RewriteRule<P> } = {
  identity: ([x]) => x,
  stopGradient: ([x]) => x,

  neg: ([x], _, make) => {
    if (x!.is('neg')) return x.operands[0];
    if (x!.is('sub')) return make('sub', [x.operands[1]!, x.operands[0]!], {});
    return fold('neg', [x!]);
  },
  add: ([a, b], _, make) => {
    if (isSplat(a!, 0)) return broadcastOf(b!, a!);
    if (isSplat(b!, 0)) return broadcastOf(a!, b!);
    if (b!.is('neg')) return make('sub', [a!, b.operands[0]!], {});
    if (a!.is('neg')) return make('sub', [b!, a.operands[0]!], {});
    if (a === b && a!.dtype === 'float32') return make('mul', [a!, splat(2)], {});
    return fold('add', [a!, b!]) ?? dropBroadcast('add', [a!, b!], make);
  },
  sub: ([a, b], _, make) => {
    if (isSplat(b!, 0)) return broadcastOf(a!, b!);
    if (isSplat(a!, 0) && b!.dtype === 'float32') return broadcastOf(make('neg', [b!], {}), a!);
    if (b!.is('neg')) return make('add', [a!, b.operands[0]!], {});
    // a - (a - c) = c, the shape of every regression onto a stopped shift of the prediction.
    if (b!.is('sub') && b.operands[0] === a && sameShape(b.operands[1]!.shape, a!.shape)) return b.operands[1];
    return fold('sub', [a!, b!]) ?? dropBroadcast('sub', [a!, b!], make);
  },
  mul: ([a, b], _, make) => {
    if (isSplat(a!) && !isSplat(b!)) return make('mul', [b!, a!], {});
    if (isSplat(b!, 0)) return splat(0, broadcastShapes('mul', [a!.shape, b!.shape]), a!.dtype);
    if (isSplat(b!, 1)) return broadcastOf(a!, b!);
    if (isSplat(b!, -1) && a!.dtype === 'float32') return broadcastOf(make('neg', [a!], {}), b!);
    if (isSplat(b!) && a!.is('mul') && isSplat(a.operands[1]!)) {
      return make('mul', [a.operands[0]!, make('mul', [a.operands[1]!, b!], {})], {});
    }
    const narrow = dropBroadcast('mul', [a!, b!], make);
    if (narrow) return narrow;
    const rescaled =
      isScaled(a!) && !isSplat(b!)
        ? rescale(b!, a, make)
        : isScaled(b!) && !isSplat(a!)
          ? rescale(a!, b, make)
          : undefined;
    if (rescaled) return rescaled;
    if (isSplat(b!) && a!.is('neg')) return make('mul', [a.operands[0]!, make('neg', [b!], {})], {});
    if (a!.is('neg') && b!.is('neg')) return make('mul', [a.operands[0]!, b.operands[0]!], {});
    if (a!.is('neg')) return make('neg', [make('mul', [a.operands[0]!, b!], {})], {});
    if (b!.is('neg')) return make('neg', [make('mul', [a!, b.operands[0]!], {})], {});
    return fold('mul', [a!, b!]);
  },
  div: ([a, b], _, make) => {
    if (isSplat(a!, 0)) return splat(0, broadcastShapes('div', [a!.shape, b!.shape]), a!.dtype);
    const folded = fold('div', [a!, b!]);
    if (folded) return folded;
    if (isSplat(b!) && b!.dtype === 'float32') return make('mul', [a!, make('div', [splat(1), b!], {})], {});
    return dropBroadcast('div', [a!, b!], make);
  },
  maximum: ([a, b], _, make) => (a === b ? a : dropBroadcast('maximum', [a!, b!], make)),
  minimum: ([a, b], _, make) => (a === b ? a : dropBroadcast('minimum', [a!, b!], make)),

  cast: ([x], { dtype }) => (x!.dtype === dtype ? x : undefined),
  reshape: ([x], { shape }, make) => {
    if (sameShape(x!.shape, shape)) return x;
    if (isSplat(x!)) return splat(valueOf(x), shape, x.dtype);
    if (x!.is('reshape')) return make('reshape', [x.operands[0]!], { shape });
    return undefined;
  },
  transpose: ([x], { permutation }, make) => {
    if (permutation.every((axis, i) => axis === i)) return x;
    if (isSplat(x!))
      return splat(
        valueOf(x),
        permutation.map((axis) => x.shape[axis]!),
        x.dtype,
      );
    if (x!.is('transpose')) {
      const first = x.attributes.permutation;
      return make('transpose', [x.operands[0]!], { permutation: permutation.map((axis) => first[axis]!) });
    }
    return movesOnlyUnits(x!, permutation)
      ? make('reshape', [x!], { shape: permutation.map((axis) => x!.shape[axis]!) })
      : undefined;
  },
  broadcastTo: ([x], { shape }, make) => {
    if (sameShape(x!.shape, shape)) return x;
    if (isSplat(x!)) return splat(valueOf(x), shape, x.dtype);
    return x!.is('broadcastTo') ? make('broadcastTo', [x.operands[0]!], { shape }) : undefined;
  },
  slice: ([x], { starts, ends }, make) => {
    const shape = starts.map((start, axis) => ends[axis]! - start);
    if (sameShape(x!.shape, shape)) return x;
    if (isSplat(x!)) return splat(valueOf(x), shape, x.dtype);
    if (!x!.is('slice')) return undefined;
    const outer = x.attributes.starts;
    const shift = (bounds: readonly number[]): number[] => bounds.map((bound, axis) => bound + outer[axis]!);
    return make('slice', [x.operands[0]!], { starts: shift(starts), ends: shift(ends) });
  },
  pad: ([x], { before, after }) => (before.every((n) => n === 0) && after.every((n) => n === 0) ? x : undefined),
  concat: (operands) => (operands.length === 1 ? operands[0] : undefined),

  sum: ([x], { axes, keepDims }, make) => {
    const shape = x!.shape.flatMap((extent, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [extent]));
    const count = sizeOf(axes.map((axis) => x!.shape[axis]!));
    if (count === 1) return make('reshape', [x!], { shape });
    if (isSplat(x!)) return splat(valueOf(x) * count, shape, x.dtype);
    // A scalar factor and a sign are cheaper after the reduction than before it.
    if (x!.is('mul') && isScalar(x.operands[1]!)) {
      return make('mul', [make('sum', [x.operands[0]!], { axes, keepDims }), x.operands[1]!], {});
    }
    return x!.is('neg') ? make('neg', [make('sum', [x.operands[0]!], { axes, keepDims })], {}) : undefined;
  },

  matmul: ([a, b], { transposeA, transposeB }, make) => {
    if (isSplat(a!, 0) || isSplat(b!, 0)) {
      return splat(0, bind('matmul', [a!, b!], { transposeA, transposeB }).shape);
    }
    if (swapsLastTwo(a!)) return make('matmul', [a.operands[0]!, b!], { transposeA: !transposeA, transposeB });
    if (swapsLastTwo(b!)) return make('matmul', [a!, b.operands[0]!], { transposeA, transposeB: !transposeB });
    return undefined;
  },
};

/**
 * A graph of equal values that is cheaper to run: common subexpressions shared, constants folded, multiplications by 0
 * and 1 and additions of 0 removed, transpositions moved into matrix products, reshapes and broadcasts merged.
 * Zeros are symbolic: `0 x` is zero even where `x` is infinite or NaN.
 *
 * @returns one tensor per given output, of equal shape, dtype and value
 */
export function simplify(outputs: readonly Tensor[]): Tensor[] {
  const shared = new Map<string, Tensor>();
  const share = (node: Tensor): Tensor => {
    const key = keyOf(node);
    const known = shared.get(key);
    if (known === undefined) shared.set(key, node);
    return known ?? node;
  };
  const make: Make = (primitive, operands, attributes) => {
    // The rules make constants anew.
    const inputs = operands.map((operand) => (operand.is('constant') ? share(operand) : operand));
    const rewrite = rewriteRules[primitive] as RewriteRule<typeof primitive> | undefined;
    return share(
      rewrite?.(inputs, attributes, make) ?? foldAny(primitive, inputs) ?? bind(primitive, inputs, attributes),
    );
  };
  const simplified = new Map<Tensor, Tensor>();
  for (const node of reachable(outputs)) {
    const operands = node.operands.map((operand) => simplified.get(operand)!);
    simplified.set(node, make(node.primitive, operands, node.attributes));
  }
  return outputs.map((output) => simplified.get(output)!);
}

const commutative: ReadonlySet<Primitive> = new Set(['add', 'mul', 'maximum', 'minimum', 'equal']);

/** Equal for nodes that certainly have equal values. Long constants are compared by identity of their data. */
function keyOf(node: Tensor): string {
  if (node.is('constant')) {
    const { data, shape, dtype } = node.attributes;
    const value = data.length <= 64 ? data.join() : `#${node.id}`;
    return `constant ${dtype} [${shape.join()}] ${value}${Object.is(data[0], -0) ? ' negative zero' : ''}`;
  }
  const ids = node.operands.map(({ id }) => id);
  if (commutative.has(node.primitive)) ids.sort((a, b) => a - b);
  return `${node.primitive} ${ids.join()} ${JSON.stringify(node.attributes)}`;
}

function isSplat(x: Tensor, value?: number): x is Tensor<'constant'> {
  return x.is('constant') && x.attributes.data.length === 1 && (value === undefined || x.attributes.data[0] === value);
}

/** `y s` with a scalar constant `s`. */
function isScaled(x: Tensor): x is Tensor<'mul'> {
  return x.is('mul') && isScalar(x.operands[1]!) && !isSplat(x.operands[0]!);
}

/**
 * `x (y s)` with the scalar where it costs least: at the smaller operand, or outside when both are of one size, where it may
 * merge with others or pass a reduction.
 */
function rescale(x: Tensor, scaled: Tensor<'mul'>, make: Make): Tensor | undefined {
  const [y, scale] = scaled.operands as readonly [Tensor, Tensor];
  if (x.size < y.size) return make('mul', [make('mul', [x, scale], {}), y], {});
  return x.size === y.size ? make('mul', [make('mul', [x, y], {}), scale], {}) : undefined;
}

function isScalar(x: Tensor): boolean {
  return isSplat(x) && x.rank === 0;
}

function valueOf(x: Tensor<'constant'>): number {
  return x.attributes.data[0]!;
}

/** `x` itself where the other operand does not enlarge it; otherwise undefined, and the operation stays. */
function broadcastOf(x: Tensor, other: Tensor): Tensor | undefined {
  return sameShape(broadcastShapes('broadcast', [x.shape, other.shape]), x.shape) ? x : undefined;
}

function fold(primitive: Primitive, operands: readonly Tensor[]): Tensor | undefined {
  if (!operands.every((operand) => isSplat(operand))) return undefined;
  const values = operands.map((operand) => valueOf(operand as Tensor<'constant'>));
  const value = foldElementwise(primitive, values);
  if (value === undefined || operands[0]!.dtype !== 'float32') return undefined;
  return splat(
    value,
    broadcastShapes(
      primitive,
      operands.map(({ shape }) => shape),
    ),
  );
}

const foldable: ReadonlySet<Primitive> = new Set<Primitive>([
  'exp',
  'log',
  'sqrt',
  'square',
  'sin',
  'cos',
  'tanh',
  'sigmoid',
  'silu',
  'abs',
  'sign',
]);

function foldAny(primitive: Primitive, operands: readonly Tensor[]): Tensor | undefined {
  return foldable.has(primitive) ? fold(primitive, operands) : undefined;
}

/** An operand that was broadcast only to meet the other one is used as it was. */
function dropBroadcast(
  primitive: 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'minimum',
  operands: readonly Tensor[],
  make: Make,
): Tensor | undefined {
  for (const [i, operand] of operands.entries()) {
    const source = operand.is('broadcastTo') ? operand.operands[0]! : scalarOf(operand);
    if (source === undefined) continue;
    const narrow = operands.map((other, j) => (j === i ? source : other));
    const [a, b] = narrow as [Tensor, Tensor];
    if (a.rank === 0 && b.rank === 0) continue;
    if (sameShape(broadcastShapes(primitive, [a.shape, b.shape]), operand.shape)) return make(primitive, narrow, {});
  }
  return undefined;
}

/** The scalar of which a constant is the repetition. */
function scalarOf(x: Tensor): Tensor | undefined {
  return isSplat(x) && x.rank > 0 ? splat(valueOf(x), [], x.dtype) : undefined;
}

/** True for a transposition of the last two axes only. */
function swapsLastTwo(x: Tensor): x is Tensor<'transpose'> {
  if (!x.is('transpose') || x.rank < 2) return false;
  const last = x.rank - 1;
  return x.attributes.permutation.every((axis, i) => axis === (i === last ? last - 1 : i === last - 1 ? last : i));
}

/** True when a permutation keeps the order of all axes longer than 1, so that memory stays as it is. */
function movesOnlyUnits(x: Tensor, permutation: readonly number[]): boolean {
  const long = permutation.filter((axis) => x.shape[axis] !== 1);
  return long.every((axis, i) => i === 0 || long[i - 1]! < axis);
}

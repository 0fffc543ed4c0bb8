import { isSplat, valueOf } from './fold.js';
import type { Primitive, Primitives } from '../graph/primitives.js';
import type { Make, RewriteRule } from './rewrite-rules.js';
import { broadcastShapes, sameShape, sizeOf, type Shape } from '../graph/shape.js';
import { full, type Tensor } from '../graph/tensor.js';

/**
 * Moves a computation on tensors that were repeated along an axis to before the repetition: a sampler's time, which is
 * the same for the whole batch, is embedded once rather than once per sample.
 *
 * @returns undefined if nothing was repeated, or the repetition makes a difference
 */
export function beforeBroadcast<P extends Primitive>(
  primitive: P,
  operands: readonly Tensor[],
  attributes: Primitives[P],
  shape: Shape,
  make: Make,
): Tensor | undefined {
  if (!operands.some((operand) => operand.is('broadcastTo'))) return undefined;
  const rule: RewriteRule<P> | undefined = rules[primitive];
  const narrow = rule?.(operands, attributes, shape, make);
  return narrow && make('broadcastTo', [narrow], { shape });
}

/** Applies the primitive to its operands before their repetition, if that is less work. */
const elementwise =
  <P extends Primitive>(primitive: P): RewriteRule<P> =>
  (operands, attributes, shape, make) => {
    const sources = operands.map((x) => (isSplat(x) ? full(valueOf(x), [], x.dtype) : sourceOf(x)));
    const narrow = broadcastShapes(
      primitive,
      sources.map((source) => source.shape),
    );
    return sizeOf(narrow) < sizeOf(shape) ? make(primitive, sources, attributes) : undefined;
  };

const rules: { readonly [P in Primitive]?: RewriteRule<P> } = {
  neg: elementwise('neg'),
  exp: elementwise('exp'),
  log: elementwise('log'),
  sqrt: elementwise('sqrt'),
  square: elementwise('square'),
  sin: elementwise('sin'),
  cos: elementwise('cos'),
  tanh: elementwise('tanh'),
  sigmoid: elementwise('sigmoid'),
  silu: elementwise('silu'),
  softplus: elementwise('softplus'),
  erf: elementwise('erf'),
  erfc: elementwise('erfc'),
  abs: elementwise('abs'),
  sign: elementwise('sign'),
  add: elementwise('add'),
  sub: elementwise('sub'),
  mul: elementwise('mul'),
  div: elementwise('div'),
  maximum: elementwise('maximum'),
  minimum: elementwise('minimum'),
  equal: elementwise('equal'),
  less: elementwise('less'),
  select: elementwise('select'),
  cast: elementwise('cast'),

  // If only the first axis was repeated and is kept, or only the last one and is divided.
  reshape: ([x], { shape }, _, make) => {
    const source = aligned(x!, make);
    const isRow = source.shape[0] === 1 && sameShape(source.shape.slice(1), x!.shape.slice(1));
    if (isRow && shape[0] === x!.shape[0]) return make('reshape', [source], { shape: [1, ...shape.slice(1)] });
    const count = x!.shape.at(-1)!;
    const kept = source.shape.at(-1) === 1 ? axesBefore(shape, count) : shape.length;
    if (kept === shape.length) return undefined;
    const less = make('broadcastTo', [source], {
      shape: [...x!.shape.slice(0, -1), count / sizeOf(shape.slice(kept))],
    });
    return make('reshape', [less], { shape: shape.map((extent, axis) => (axis < kept ? extent : 1)) });
  },
  slice: ([x], { starts, ends }, _, make) => {
    const source = aligned(x!, make);
    const within = (bounds: readonly number[], whole: number): number[] =>
      bounds.map((bound, axis) => (source.shape[axis] === 1 ? whole : bound));
    return make('slice', [source], { starts: within(starts, 0), ends: within(ends, 1) });
  },
  concat: (operands, { axis }, shape, make) => {
    const sources = operands.map((x) => aligned(x, make));
    const isRepeated = (i: number): boolean =>
      i !== axis && shape[i]! > 1 && sources.every((source) => source.shape[i] === 1);
    if (!shape.some((_, i) => isRepeated(i))) return undefined;
    const pieces = sources.map((source, k) => {
      return make('broadcastTo', [source], {
        shape: operands[k]!.shape.map((extent, i) => (isRepeated(i) ? 1 : extent)),
      });
    });
    return make('concat', pieces, { axis });
  },
  // A product whose left rows are all the same.
  matmul: ([a, b], attributes, _, make) => {
    const source = aligned(a!, make);
    const isRow = a!.rank === 2 && !attributes.transposeA && source.shape[0] === 1 && a!.shape[0]! > 1;
    if (!isRow) return undefined;
    const row = make('broadcastTo', [source], { shape: [1, a!.shape[1]!] });
    return make('matmul', [row, b!], attributes);
  },
};

/** How many axes remain without the last ones whose product divides a number; all if that saves nothing. */
function axesBefore(shape: Shape, count: number): number {
  let kept = shape.length;
  while (kept > 0 && count % sizeOf(shape.slice(kept - 1)) === 0) kept--;
  return sizeOf(shape.slice(kept)) > 1 ? kept : shape.length;
}

/** The tensor before repetition, or the tensor itself. */
function sourceOf(x: Tensor): Tensor {
  return x.is('broadcastTo') ? x.operands[0]! : x;
}

/** The tensor before repetition, with as many axes as the result. */
function aligned(x: Tensor, make: Make): Tensor {
  const source = sourceOf(x);
  if (source.rank === x.rank) return source;
  return make('reshape', [source], { shape: [...x.shape.slice(source.rank).map(() => 1), ...source.shape] });
}

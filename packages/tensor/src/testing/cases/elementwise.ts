import { select } from '../../library/functions.js';
import { type BinaryPrimitive, type UnaryPrimitive } from '../../graph/primitives.js';
import { bind, constant, full, type Tensor } from '../../graph/tensor.js';
import { at, kink, type Case } from '../case.js';
import { awayFromZero, coins, distinct, fixed, integers, normal, positive, type Sample } from '../samples.js';

const unary = (primitive: UnaryPrimitive, sample: (shape: readonly number[]) => Sample = normal): Case[] => {
  const f = (x: Tensor): Tensor => bind(primitive, [x], {});
  return [at('scalar', [sample([])], f), at('[2, 3, 4]', [sample([2, 3, 4])], f), at('[33]', [sample([33])], f)];
};

/** Far out on both sides, where careless formulas overflow. */
const saturating = (primitive: UnaryPrimitive): Case[] => [
  ...unary(primitive),
  at('far from zero', [fixed([8], [-90, -30, -8, -2.5, 2.5, 8, 30, 90])], (x) => bind(primitive, [x], {})),
];

export const unaryCases: { readonly [P in UnaryPrimitive]: readonly Case[] } = {
  neg: unary('neg'),
  exp: unary('exp'),
  log: unary('log', positive),
  sqrt: unary('sqrt', positive),
  square: unary('square'),
  sin: unary('sin'),
  cos: unary('cos'),
  tanh: saturating('tanh'),
  sigmoid: saturating('sigmoid'),
  silu: saturating('silu'),
  softplus: saturating('softplus'),
  erf: saturating('erf'),
  erfc: saturating('erfc'),
  abs: [...unary('abs', awayFromZero), kink('at zero', [fixed([3], [-1, 0, 1])], (x) => x.abs())],
  sign: [...unary('sign', awayFromZero), kink('at zero', [fixed([3], [-2, 0, 2])], (x) => x.sign())],
};

const shapes: readonly (readonly [readonly number[], readonly number[]])[] = [
  [[], []],
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], []],
  [[], [4]],
  [
    [2, 1],
    [1, 3],
  ],
  [
    [2, 3, 4],
    [1, 3, 1],
  ],
  [
    [1, 3, 1, 2],
    [2, 1, 4, 2],
  ],
];

const binary = (
  primitive: BinaryPrimitive,
  first: (shape: readonly number[]) => Sample = normal,
  second: (shape: readonly number[]) => Sample = first,
): Case[] => {
  const f = (a: Tensor, b: Tensor): Tensor => bind(primitive, [a, b], {});
  return shapes.map(([a, b]) => at(`[${a.join(', ')}] with [${b.join(', ')}]`, [first(a), second(b)], f));
};

/** The primitive on whole numbers, some of them beyond the 2^24 that a float32 can count to. */
const wholeNumbers = (primitive: BinaryPrimitive): Case[] => [
  at('int32', [integers([3, 1], -5, 5), integers([1, 4], -5, 5)], (a, b) => bind(primitive, [a, b], {})),
  at('large int32', [integers([5], 16_777_210, 16_777_240)], (a) =>
    bind(primitive, [a, constant([16_777_217, 3, -1, 1, 16_777_219], [5], 'int32')], {}),
  ),
];

const shifted = (shape: readonly number[]): Sample => distinct(shape, 0.125);
const tied = [fixed([4], [1, 2, 3, -1]), fixed([4], [1, 3, 2, -1])];

export const binaryCases: { readonly [P in BinaryPrimitive]: readonly Case[] } = {
  add: [
    ...binary('add'),
    ...wholeNumbers('add'),
    at('to itself', [normal([3])], (x) => x.add(x)),
    at('1 + a tiny number', [normal([3])], (x) => x.mul(1e-30).add(1)),
  ],
  sub: [...binary('sub'), ...wholeNumbers('sub')],
  mul: [
    ...binary('mul'),
    at('int32', [integers([3, 1], -50, 50), integers([1, 4], -50, 50)], (a, b) => a.mul(b)),
    at('by itself', [normal([3])], (x) => x.mul(x)),
    at('by a large constant', [normal([4, 300])], (x) =>
      x.mul(
        constant(
          Array.from({ length: 1200 }, (_, i) => Math.cos(i)),
          [4, 300],
          x.dtype,
        ),
      ),
    ),
  ],
  div: [...binary('div', normal, awayFromZero), at('by a number', [normal([3])], (x) => x.div(3))],
  maximum: [
    ...binary('maximum', distinct, shifted),
    ...wholeNumbers('maximum'),
    kink('ties', tied, (a, b) => a.maximum(b)),
    at('with a number', [awayFromZero([5])], (x) => x.maximum(0)),
  ],
  minimum: [
    ...binary('minimum', distinct, shifted),
    ...wholeNumbers('minimum'),
    kink('ties', tied, (a, b) => a.minimum(b)),
    at('with a number', [awayFromZero([5])], (x) => x.minimum(0)),
  ],
  equal: [
    ...binary('equal', distinct, shifted),
    ...wholeNumbers('equal'),
    kink('ties', tied, (a, b) => a.equal(b)),
    at('bool', [coins([3, 1]), coins([1, 4])], (a, b) => a.equal(b)),
    kink('as a factor', tied, (a, b) => a.equal(b).cast(a.dtype).mul(a.square())),
  ],
  less: [
    ...binary('less', distinct, shifted),
    ...wholeNumbers('less'),
    kink('ties', tied, (a, b) => a.less(b)),
    kink('greater', tied, (a, b) => a.greater(b)),
  ],
};

export const selectCases: readonly Case[] = [
  at('equal shapes', [coins([2, 3]), normal([2, 3]), normal([2, 3])], select),
  at('a condition per row', [coins([4, 1]), normal([4, 3]), normal([1, 3])], select),
  at('a scalar condition', [coins([]), normal([2, 2]), normal([2, 2])], select),
  at('scalar branches', [coins([2, 3]), normal([]), normal([])], select),
  at('numbers', [coins([2, 3]), normal([2, 3])], (condition, x) => select(condition, x, -1)),
  at('a comparison', [distinct([6])], (x) => select(x.less(0.125), x.square(), x.exp())),
  at('int32', [coins([5]), integers([5], 0, 9)], (condition, x) => select(condition, x, 7)),
  at('bool', [coins([5]), coins([5]), coins([1])], select),
  at('minus infinity under a softmax', [normal([4, 3])], (x) =>
    select(constant([1, 0, 1], [1, 3], 'bool'), x, -Infinity).softmax(),
  ),
];

export const castCases: readonly Case[] = [
  at('float32 to int32, towards zero', [fixed([6], [-2.7, -1, -0.2, 0, 0.9, 3.5])], (x) => x.cast('int32')),
  at('float32 to bool', [fixed([4], [-2.5, 0, 0.25, 1])], (x) => x.cast('bool')),
  at('int32 to float32', [integers([2, 3], -9, 9)], (x) => x.cast('float32')),
  at('int32 to bool', [integers([8], 0, 2)], (x) => x.cast('bool')),
  at('bool to float32', [coins([2, 3])], (x) => x.cast('float32')),
  at('bool to int32', [coins([7])], (x) => x.cast('int32')),
  at('float32 to itself', [normal([3])], (x) => x.cast('float32').square()),
  at('as a coefficient', [integers([3], 0, 5), normal([3])], (n, x) => n.cast(x.dtype).mul(x)),
  at('of a constant', [normal([2])], (x) => full(3, [2], 'int32').cast(x.dtype).mul(x)),
];

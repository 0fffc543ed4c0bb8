import {
  bind,
  clamp,
  gelu,
  geluTanh,
  leakyRelu,
  relu,
  select,
  type BinaryPrimitive,
  type Tensor,
  type UnaryPrimitive,
} from '@flowmap/tensor';
import {
  at,
  awayFromZero,
  coins,
  distinct,
  integers,
  normal,
  positive,
  type Case,
  type Sample,
} from '@flowmap/tensor/testing';
import fc from 'fast-check';
import { broadcasting, shape, shown } from './shapes.js';

type Draw = (shape: readonly number[]) => Sample;

const unaryDomains: { readonly [P in UnaryPrimitive]: Draw } = {
  neg: normal,
  exp: normal,
  log: positive,
  sqrt: positive,
  square: normal,
  sin: normal,
  cos: normal,
  tanh: normal,
  sigmoid: normal,
  silu: normal,
  softplus: normal,
  erf: normal,
  erfc: normal,
  abs: awayFromZero,
  sign: awayFromZero,
};

const activations: Readonly<Record<string, readonly [Draw, (x: Tensor) => Tensor]>> = {
  gelu: [normal, gelu],
  geluTanh: [normal, geluTanh],
  relu: [awayFromZero, relu],
  leakyRelu: [awayFromZero, (x) => leakyRelu(x, 0.1)],
  clamp: [awayFromZero, (x) => clamp(x, -1.6, 0.1).square()],
};

export const unary: fc.Arbitrary<Case> = fc
  .tuple(fc.constantFrom(...Object.entries(unaryDomains)), shape())
  .map(([[primitive, draw], shape]) =>
    at(`${primitive} of ${shown(shape)}`, [draw(shape)], (x) => bind(primitive as UnaryPrimitive, [x], {})),
  );

export const activation: fc.Arbitrary<Case> = fc
  .tuple(fc.constantFrom(...Object.entries(activations)), shape())
  .map(([[name, [draw, f]], shape]) => at(`${name} of ${shown(shape)}`, [draw(shape)], f));

const shifted: Draw = (shape) => distinct(shape, 0.125);

const binaryDomains: { readonly [P in BinaryPrimitive]: readonly [Draw, Draw] } = {
  add: [normal, normal],
  sub: [normal, normal],
  mul: [normal, normal],
  div: [normal, awayFromZero],
  maximum: [distinct, shifted],
  minimum: [distinct, shifted],
  equal: [distinct, distinct],
  less: [distinct, shifted],
};

export const binary: fc.Arbitrary<Case> = fc
  .tuple(fc.constantFrom(...Object.entries(binaryDomains)), broadcasting(2))
  .map(([[primitive, [first, second]], shapes]) => {
    const [a, b] = shapes as [number[], number[]];
    return at(`${primitive} of ${shown(a, b)}`, [first(a), second(b)], (x, y) =>
      bind(primitive as BinaryPrimitive, [x, y], {}),
    );
  });

export const selection: fc.Arbitrary<Case> = broadcasting(3).map((shapes) => {
  const [condition, a, b] = shapes as [number[], number[], number[]];
  return at(`select of ${shown(condition, a, b)}`, [coins(condition), normal(a), normal(b)], (c, x, y) =>
    select(c, x.square(), y),
  );
});

/** So small that their sums and products are exact in every float type too. */
const wholeOperations: Readonly<Record<string, (a: Tensor, b: Tensor) => Tensor>> = {
  add: (a, b) => a.add(b).sub(1),
  sub: (a, b) => a.sub(b),
  mul: (a, b) => a.mul(b).mul(-3),
  maximum: (a, b) => a.maximum(b).add(0),
  minimum: (a, b) => a.minimum(b).mul(1),
  equal: (a, b) => a.equal(b),
  less: (a, b) => a.less(b),
  'select, a bool': (a, b) => select(a.less(b), a.equal(b), a.cast('bool')),
  'sum of products': (a, b) => a.mul(b).sum(),
  'maximum of sums': (a, b) => a.add(b).max(),
  'minimum of differences': (a, b) => a.sub(b).min(),
  'cast to float32': (a, b) => a.cast('float32').mul(0.5).sub(b.cast('float32')),
  'cast to bool and back': (a, b) => a.cast('bool').cast('int32').add(b),
};

/** Operations of int32, some with bools as results. */
export const whole: fc.Arbitrary<Case> = fc
  .tuple(fc.constantFrom(...Object.entries(wholeOperations)), broadcasting(2))
  .map(([[name, f], shapes]) => {
    const [a, b] = shapes as [number[], number[]];
    return at(`${name} of int32 ${shown(a, b)}`, [integers(a, -9, 10), integers(b, -9, 10)], f);
  });

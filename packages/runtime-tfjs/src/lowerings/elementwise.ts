import type { BinaryPrimitive, UnaryPrimitive } from '@flowmap/tensor';
import type { Value } from '../emitter.js';
import { binary, cast, choose, compare, unary } from '../operations/arithmetic.js';
import { broadcast } from '../operations/layout.js';
import { pairOf, type Lowering, type Lowerings } from './lowering.js';

const map =
  (kernel: string): Lowering<UnaryPrimitive> =>
  (emit, [x]) =>
    unary(emit, kernel, x!);

const combine =
  (kernel: string): Lowering<BinaryPrimitive> =>
  (emit, operands) =>
    binary(emit, kernel, ...pairOf(operands));

/**
 * Kernels give 0 for NaN, and wasm's also for everything between -1 and 1. Here a value neither above nor below zero is
 * its own sign.
 */
const sign: Lowering<'sign'> = (emit, [x]) => {
  const scalar = (value: number): Value => emit.constant({ shape: [], dtype: 'float32' }, Float64Array.of(value));
  const full = (value: number): Value => broadcast(emit, scalar(value), x!.shape);
  const orBelow = choose(emit, compare(emit, 'Less', x!, scalar(0)), full(-1), x!);
  return choose(emit, compare(emit, 'Less', scalar(0), x!), full(1), orBelow);
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
const erfc: Lowering<'erfc'> = (emit, [x]) => {
  const scalar = (value: number): Value => emit.constant({ shape: [], dtype: 'float32' }, Float64Array.of(value));
  const times = (a: Value, b: Value): Value => binary(emit, 'Multiply', a, b);
  const plus = (a: Value, b: Value): Value => binary(emit, 'Add', a, b);
  const minus = (a: Value, b: Value): Value => binary(emit, 'Sub', a, b);
  const z = unary(emit, 'Abs', x!);
  const t = binary(emit, 'RealDiv', scalar(1), plus(times(z, scalar(0.5)), scalar(1)));
  const p = tailCoefficients.map(scalar).reduceRight((rest, coefficient) => plus(times(rest, t), coefficient));
  const tail = times(t, unary(emit, 'Exp', minus(p, times(z, z))));
  return choose(emit, compare(emit, 'Less', x!, scalar(0)), minus(scalar(2), tail), tail);
};

const same: Lowering<'identity' | 'stopGradient'> = (_, [x]) => x!;

export const elementwise: Lowerings<
  UnaryPrimitive | BinaryPrimitive | 'select' | 'cast' | 'identity' | 'stopGradient'
> = {
  neg: map('Neg'),
  exp: map('Exp'),
  log: map('Log'),
  sqrt: map('Sqrt'),
  square: map('Square'),
  sin: map('Sin'),
  cos: map('Cos'),
  tanh: map('Tanh'),
  sigmoid: map('Sigmoid'),
  silu: (emit, [x]) => binary(emit, 'Multiply', x!, unary(emit, 'Sigmoid', x!)),
  softplus: map('Softplus'),
  erf: map('Erf'),
  erfc,
  abs: map('Abs'),
  sign,

  add: combine('Add'),
  sub: combine('Sub'),
  mul: combine('Multiply'),
  div: combine('RealDiv'),
  maximum: combine('Maximum'),
  minimum: combine('Minimum'),
  equal: (emit, operands) => compare(emit, 'Equal', ...pairOf(operands)),
  less: (emit, operands) => compare(emit, 'Less', ...pairOf(operands)),
  select: (emit, operands, _, { shape }) => {
    const [condition, t, e] = operands.map((operand) => broadcast(emit, operand, shape));
    return choose(emit, condition!, t!, e!);
  },

  cast: (emit, [x], { dtype }) => cast(emit, x!, dtype),
  identity: same,
  stopGradient: same,
};

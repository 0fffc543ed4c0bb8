import { and, full, not, or, select, stopGradient, type Shape, type Tensor } from '@flowmap/tensor';
import { input, int, type Call, type Operator, type Operators } from '../call.js';
import { BOOL, elementTypeOf, type ElementType } from '../element-types.js';
import { folds, jointShape, mapped } from '../host.js';
import { isKnown, ofRank, traced, type Value } from '../value.js';

/** A function of one number, over tensors and, if it is needed for shapes or constants, over numbers. */
export function unary(f: (x: Tensor, call: Call) => Tensor, onNumbers?: (x: number) => number): Operator {
  return {
    inputs: [1, 1],
    trace(call) {
      const x = input(call, 0);
      return onNumbers && folds(x.shape, [x]) && isKnown(x)
        ? mapped(x.type, x.shape, [x], onNumbers)
        : traced(x.type, f(x.tensor, call));
    },
  };
}

/** Operands as tensors that fit together: aligned at their last axes, a single known number as a scalar. */
function aligned(values: readonly Value[], shape: Shape): Tensor[] {
  return values.map((value) => {
    if (isKnown(value) && value.data.length === 1 && values.length > 1) {
      const others = values.filter((other) => other !== value && other.shape.length === shape.length);
      const decides = others.every((other) => other.shape.some((extent, axis) => extent !== shape[axis]));
      if (!decides) return full(value.data[0]!, [], value.type.dtype);
    }
    return value.shape.length === 0 ? value.tensor : ofRank(value.tensor, shape.length);
  });
}

interface Binary {
  readonly f: (a: Tensor, b: Tensor, call: Call) => Tensor;
  readonly onNumbers: (a: number, b: number, type: ElementType) => number;
  /** The type of the result; that of the operands unless given. */
  readonly result?: ElementType;
}

/** Combines two values number by number. */
function combine(call: Call, a: Value, b: Value, { f, onNumbers, result }: Binary): Value {
  if (a.type !== b.type) call.refuse(`its operands are ${a.type.name} and ${b.type.name}`, 'they must be of one type');
  const shape = jointShape(call, [a.shape, b.shape]);
  const operands = [a, b];
  const type = result ?? a.type;
  if (folds(shape, operands)) return mapped(type, shape, operands, (x, y) => onNumbers(x, y, a.type));
  const [left, right] = aligned(operands, shape) as [Tensor, Tensor];
  return traced(type, f(left, right, call));
}

const binary = (definition: Binary): Operator => ({
  inputs: [2, 2],
  trace: (call) => combine(call, input(call, 0), input(call, 1), definition),
});

/** Combines any number of values, from the first to the last. */
const variadic = (definition: Binary, finish?: (sum: Value, count: number, call: Call) => Value): Operator => ({
  inputs: [1, Infinity],
  trace(call) {
    const values = call.inputs.map((_, i) => input(call, i));
    const all = values.slice(1).reduce((sum, value) => combine(call, sum, value, definition), values[0]!);
    return finish ? finish(all, values.length, call) : all;
  },
});

const add: Binary = { f: (a, b) => a.add(b), onNumbers: (a, b) => a + b };

const isSigmoidOf = (gate: Tensor, x: Tensor): boolean => gate.is('sigmoid') && gate.operands[0] === x;

/** `x sigmoid(x)` is recognised: as one primitive it is cheaper, and so are its derivatives. */
const mul: Binary = {
  f: (a, b) => (isSigmoidOf(b, a) ? a.silu() : isSigmoidOf(a, b) ? b.silu() : a.mul(b)),
  onNumbers: (a, b) => a * b,
};

const div: Binary = {
  f(a, b, { refuse }) {
    if (a.dtype === 'int32') refuse('it divides integers that are computed from the inputs', 'divide floats');
    return a.div(b);
  },
  onNumbers: (a, b, { isFloat }) => (isFloat ? a / b : Math.trunc(a / b)),
};

/** The largest whole number that is at most x; its derivative is 0. */
function floorOf(x: Tensor): Tensor {
  const toward0 = x.cast('int32').cast(x.dtype);
  const floor = toward0.sub(select(x.less(toward0), 1, full(0, [], x.dtype)));
  // From here on there are no fractions, and soon int32 would overflow.
  return stopGradient(select(x.abs().less(2 ** 23), floor, x));
}

/** The nearest whole number, the even one of two; its derivative is 0. */
export function roundOf(x: Tensor): Tensor {
  const nearest = floorOf(x.add(0.5));
  const isTie = nearest.sub(x).equal(0.5);
  const isOdd = nearest.sub(floorOf(nearest.mul(0.5)).mul(2)).equal(1);
  return stopGradient(select(and(isTie, isOdd), nearest.sub(1), select(x.abs().less(2 ** 23), nearest, x)));
}

/** As {@link roundOf}, of a number. */
export function roundedEven(x: number): number {
  const nearest = Math.floor(x + 0.5);
  return nearest - x === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}

const mod: Operator = {
  inputs: [2, 2],
  trace(call) {
    const truncates = int(call, 'fmod', 0) !== 0;
    return combine(call, input(call, 0), input(call, 1), {
      f(a, b) {
        if (a.dtype === 'int32') call.refuse('it takes the remainder of integers that are computed from the inputs');
        const quotient = a.div(b);
        const whole = truncates ? quotient.sign().mul(floorOf(quotient.abs())) : floorOf(quotient);
        return a.sub(b.mul(whole));
      },
      onNumbers: (a, b) => (truncates ? a % b : a - b * Math.floor(a / b)),
    });
  },
};

/** Whole exponents up to this one are products. */
const MOST_FACTORS = 16;

const pow: Operator = {
  inputs: [2, 2],
  without: 'bases below 0 with an exponent that is no whole constant up to 16',
  trace(call) {
    const [base, exponent] = [input(call, 0), input(call, 1)];
    const shape = jointShape(call, [base.shape, exponent.shape]);
    const operands = [base, exponent];
    if (folds(shape, operands)) return mapped(base.type, shape, operands, (x, y) => x ** y);
    const x = base.tensor;
    if (isKnown(exponent) && exponent.data.length === 1 && exponent.shape.length <= base.shape.length) {
      const y = exponent.data[0]!;
      if (Number.isInteger(2 * y) && Math.abs(y) <= MOST_FACTORS && base.type.isFloat) {
        return traced(base.type, ofRank(powerOf(x, y), shape.length));
      }
    }
    if (!base.type.isFloat) call.refuse('it takes powers of integers that are computed from the inputs');
    const [a, b] = aligned([base, { ...exponent, type: base.type, tensor: exponent.tensor.cast(x.dtype) }], shape);
    return traced(base.type, a!.log().mul(b!).exp());
  },
};

/** `x^y` for a multiple of one half. */
function powerOf(x: Tensor, y: number): Tensor {
  if (y < 0) return full(1, [], x.dtype).div(powerOf(x, -y));
  if (y === 0) return full(1, x.shape, x.dtype);
  if (y === 0.5) return x.sqrt();
  if (!Number.isInteger(y)) return powerOf(x, Math.floor(y)).mul(x.sqrt());
  if (y === 1) return x;
  const half = powerOf(x, Math.floor(y / 2)).square();
  return y % 2 === 0 ? half : half.mul(x);
}

const compare = (f: (a: Tensor, b: Tensor) => Tensor, onNumbers: (a: number, b: number) => boolean): Operator =>
  binary({ f, onNumbers: (a, b) => (onNumbers(a, b) ? 1 : 0), result: BOOL });

const where: Operator = {
  inputs: [3, 3],
  trace(call) {
    const [condition, a, b] = [input(call, 0), input(call, 1), input(call, 2)];
    if (condition.type !== BOOL) call.refuse(`its condition is ${condition.type.name}`, 'it must be bool');
    if (a.type !== b.type) call.refuse(`it chooses between ${a.type.name} and ${b.type.name}`);
    const operands = [condition, a, b];
    const shape = jointShape(
      call,
      operands.map((value) => value.shape),
    );
    if (folds(shape, operands)) return mapped(a.type, shape, operands, (c, x, y) => (c === 0 ? y : x));
    const [c, x, y] = operands.map((value) =>
      value.shape.length === 0 ? value.tensor : ofRank(value.tensor, shape.length),
    );
    return traced(a.type, select(c!, x!, y!));
  },
};

/** Numbers in another type, by the rules of casts. */
function castTo(x: Value, type: ElementType): Value {
  if (x.type === type) return x;
  const operands = [x];
  if (folds(x.shape, operands)) {
    const convert = type.isFloat || type === BOOL ? type.round : Math.trunc;
    return mapped(type, x.shape, operands, (value) => convert(value));
  }
  return traced(type, x.tensor.cast(type.dtype));
}

const cast: Operator = {
  inputs: [1, 1],
  trace(call) {
    const type = elementTypeOf(int(call, 'to', 0));
    return castTo(input(call, 0), type ?? call.refuse('it casts to a type that there are no tensors of'));
  },
};

const clip: Operator = {
  inputs: [1, 3],
  trace(call) {
    const x = input(call, 0);
    const bounded = ([i, definition]: readonly [number, Binary], value: Value): Value => {
      const bound = call.inputs[i];
      return bound === undefined ? value : combine(call, value, bound, definition);
    };
    return bounded([2, minimum], bounded([1, maximum], x));
  },
};

const maximum: Binary = { f: (a, b) => a.maximum(b), onNumbers: (a, b) => Math.max(a, b) };
const minimum: Binary = { f: (a, b) => a.minimum(b), onNumbers: (a, b) => Math.min(a, b) };

/** Element-wise operators: their tensors are aligned at their last axes. */
export const elementwise: Operators = {
  Add: binary(add),
  Sub: binary({ f: (a, b) => a.sub(b), onNumbers: (a, b) => a - b }),
  Mul: binary(mul),
  Div: { ...binary(div), without: 'integers that are computed from the inputs' },
  Mod: { ...mod, without: 'integers that are computed from the inputs' },
  Pow: pow,
  Max: variadic(maximum),
  Min: variadic(minimum),
  Sum: variadic(add),
  Mean: variadic(add, (sum, count) => traced(sum.type, sum.tensor.mul(1 / count))),
  Neg: unary(
    (x) => (x.dtype === 'int32' ? full(0, [], 'int32').sub(x) : x.neg()),
    (x) => -x,
  ),
  Abs: unary((x) => (x.dtype === 'int32' ? x.maximum(full(0, [], 'int32').sub(x)) : x.abs()), Math.abs),
  Sign: unary((x) => x.sign(), Math.sign),
  Exp: unary((x) => x.exp(), Math.exp),
  Log: unary((x) => x.log(), Math.log),
  Sqrt: unary((x) => x.sqrt(), Math.sqrt),
  Reciprocal: unary(
    (x) => full(1, [], x.dtype).div(x),
    (x) => 1 / x,
  ),
  Sin: unary((x) => x.sin(), Math.sin),
  Cos: unary((x) => x.cos(), Math.cos),
  Tan: unary((x) => x.sin().div(x.cos()), Math.tan),
  Sinh: unary((x) => x.exp().sub(x.neg().exp()).mul(0.5), Math.sinh),
  Cosh: unary((x) => x.exp().add(x.neg().exp()).mul(0.5), Math.cosh),
  Floor: unary(floorOf, Math.floor),
  Ceil: unary((x) => floorOf(x.neg()).neg(), Math.ceil),
  Round: unary(roundOf, roundedEven),
  Equal: compare(
    (a, b) => a.equal(b),
    (a, b) => a === b,
  ),
  Less: compare(
    (a, b) => a.less(b),
    (a, b) => a < b,
  ),
  Greater: compare(
    (a, b) => a.greater(b),
    (a, b) => a > b,
  ),
  LessOrEqual: compare(
    (a, b) => or(a.less(b), a.equal(b)),
    (a, b) => a <= b,
  ),
  GreaterOrEqual: compare(
    (a, b) => or(a.greater(b), a.equal(b)),
    (a, b) => a >= b,
  ),
  And: binary({ f: (a, b) => and(a, b), onNumbers: (a, b) => a * b }),
  Or: binary({ f: (a, b) => or(a, b), onNumbers: (a, b) => Math.max(a, b) }),
  Xor: binary({ f: (a, b) => not(a.equal(b)), onNumbers: (a, b) => (a === b ? 0 : 1) }),
  Not: unary(not, (x) => 1 - x),
  IsNaN: {
    inputs: [1, 1],
    trace: (call) => traced(BOOL, not(input(call, 0).tensor.equal(input(call, 0).tensor))),
  },
  Where: where,
  Cast: cast,
  CastLike: { inputs: [2, 2], since: 15, trace: (call) => castTo(input(call, 0), input(call, 1).type) },
  Clip: clip,
};

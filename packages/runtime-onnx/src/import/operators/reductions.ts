import { full, logSumExp, sizeOf, stridesOf, type Tensor } from '@flowmap/tensor';
import {
  axesOf,
  axisOf,
  flag,
  input,
  int,
  ints,
  wholeInput,
  type Call,
  type Operator,
  type Operators,
} from '../call.js';
import { INT64 } from '../element-types.js';
import { each, folds, placeBy } from '../host.js';
import { cut } from '../take.js';
import { known, numberAt, numbers, traced, type Known } from '../value.js';

/** The axes of a reduction: an attribute, or an operand since set 18 and always for ReduceSum; all unless given. */
function reducedAxes(call: Call, rank: number): number[] {
  const given = wholeInput(call, 1, 'axes') ?? ints(call, 'axes') ?? [];
  if (given.length > 0) return axesOf(call, given, rank);
  return flag(call, 'noop_with_empty_axes') ? [] : Array.from({ length: rank }, (_, axis) => axis);
}

type Reduce = (x: Tensor, axes: readonly number[], keepDims: boolean, call: Call) => Tensor;

/** A reduction, and how it adds a number to its result so far. */
const reduce = (f: Reduce, onNumbers?: { start: number; next: (sum: number, x: number) => number }): Operator => ({
  inputs: [1, 2],
  trace(call) {
    const x = input(call, 0);
    const axes = reducedAxes(call, x.shape.length);
    const keepDims = flag(call, 'keepdims', true);
    const operands = [x];
    if (onNumbers && folds(x.shape, operands)) {
      const reduced = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
      const sums = new Float64Array(sizeOf(reduced)).fill(onNumbers.start);
      const strides = stridesOf(reduced).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
      each(x.shape, (index, i) => {
        const place = placeBy(strides, index);
        sums[place] = onNumbers.next(sums[place]!, numberAt(operands[0] as Known, i));
      });
      return numbers(x.type, keepDims ? reduced : reduced.filter((_, axis) => !axes.includes(axis)), sums);
    }
    return traced(x.type, f(x.tensor, axes, keepDims, call));
  },
});

/** The most elements along the axes of a product that are multiplied one by one. */
const MOST_FACTORS = 64;

const product: Reduce = (x, axes, keepDims, { refuse }) => {
  const whole = axes.reduce((result, axis) => {
    const extent = result.shape[axis]!;
    if (extent > MOST_FACTORS) refuse(`it multiplies ${extent} numbers`, `at most ${MOST_FACTORS} can be imported`);
    const factors = Array.from({ length: extent }, (_, i) => cut(result, axis, i, i + 1));
    return factors.reduce((all, factor) => all.mul(factor));
  }, x);
  return keepDims ? whole : whole.reshape(x.shape.filter((_, axis) => !axes.includes(axis)));
};

const indexOfLargest = (sign: 1 | -1): Operator => ({
  inputs: [1, 1],
  trace(call) {
    const x = input(call, 0);
    const axis = axisOf(call, int(call, 'axis', 0), x.shape.length);
    const numbers = x.type.isFloat ? x.tensor : x.tensor.cast('float32');
    const isLast = flag(call, 'select_last_index');
    const ordered = isLast ? numbers.flip([axis]) : numbers;
    const index = sign === 1 ? ordered.argMax(axis) : ordered.argMin(axis);
    const found = isLast ? full(x.shape[axis]! - 1, [], 'int32').sub(index) : index;
    return traced(INT64, flag(call, 'keepdims', true) ? found.reshape(x.shape.with(axis, 1)) : found);
  },
});

const cumulative: Operator = {
  inputs: [2, 2],
  trace(call) {
    const x = input(call, 0);
    const [axis = 0] = wholeInput(call, 1, 'axis') ?? [];
    const options = { exclusive: flag(call, 'exclusive'), reverse: flag(call, 'reverse') };
    const at = axisOf(call, axis, x.shape.length);
    const operands = [x];
    if (folds(x.shape, operands)) return cumulated(operands[0] as Known, at, options);
    // Sums of integers up to 2^24 are exact in float32.
    const sums = x.type.isFloat ? x.tensor.cumsum(at, options) : x.tensor.cast('float32').cumsum(at, options);
    return traced(x.type, sums.cast(x.tensor.dtype));
  },
};

function cumulated(x: Known, axis: number, options: { exclusive: boolean; reverse: boolean }): Known {
  const data = x.type.make(sizeOf(x.shape));
  const stride = stridesOf(x.shape)[axis]!;
  const extent = x.shape[axis]!;
  each(x.shape, (index, i) => {
    if (index[axis] !== 0) return;
    let sum = 0;
    for (let step = 0; step < extent; step++) {
      const place = i + stride * (options.reverse ? extent - 1 - step : step);
      const next = sum + numberAt(x, place);
      data[place] = options.exclusive ? sum : next;
      sum = next;
    }
  });
  return known(x.type, x.shape, data);
}

const sum: Reduce = (x, axes, keepDims) => x.sum(axes, keepDims);

/** Reductions over axes. */
export const reductions: Operators = {
  ReduceSum: reduce(sum, { start: 0, next: (a, b) => a + b }),
  ReduceMean: reduce((x, axes, keepDims) => x.mean(axes, keepDims)),
  ReduceMax: reduce((x, axes, keepDims) => x.max(axes, keepDims), { start: -Infinity, next: Math.max }),
  ReduceMin: reduce((x, axes, keepDims) => x.min(axes, keepDims), { start: Infinity, next: Math.min }),
  ReduceProd: reduce(product, { start: 1, next: (a, b) => a * b }),
  ReduceL1: reduce((x, axes, keepDims) => x.abs().sum(axes, keepDims)),
  ReduceL2: reduce((x, axes, keepDims) => x.square().sum(axes, keepDims).sqrt()),
  ReduceSumSquare: reduce((x, axes, keepDims) => x.square().sum(axes, keepDims)),
  ReduceLogSum: reduce((x, axes, keepDims) => x.sum(axes, keepDims).log()),
  ReduceLogSumExp: reduce((x, axes, keepDims) => logSumExp(x, axes, keepDims)),
  ArgMax: indexOfLargest(1),
  ArgMin: indexOfLargest(-1),
  CumSum: cumulative,
};

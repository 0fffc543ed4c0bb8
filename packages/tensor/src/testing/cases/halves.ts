import { conv2d } from '../../library/functions.js';
import { isFloat, type HalfDType } from '../../graph/dtype.js';
import { at, kink, type Case } from '../case.js';
import { as, coins, fixed, integers, normal, positive } from '../samples.js';
import { compositeCases } from './composites.js';
import { primitiveCases } from './primitives.js';

/**
 * Every case that has a float argument, with its floats in float16 or bfloat16, and further cases specific to halves.
 */
export function halfCases(half: HalfDType): Readonly<Record<string, readonly Case[]>> {
  const groups = Object.entries({ ...primitiveCases, ...compositeCases }).map(([name, cases]) => {
    const floats = cases.filter(({ args }) => args.some(({ dtype }) => isFloat(dtype)));
    return [name, floats.map((case_) => inHalf(half, case_))] as const;
  });
  return {
    ...Object.fromEntries(groups.filter(([, cases]) => cases.length > 0)),
    'mixed precision': mixedCases(half).map((case_) => ({ ...case_, half })),
  };
}

function inHalf(half: HalfDType, case_: Case): Case {
  return { ...case_, args: case_.args.map((arg) => (isFloat(arg.dtype) ? as(half, arg) : arg)), half };
}

function mixedCases(half: HalfDType): Case[] {
  const other = half === 'float16' ? 'bfloat16' : 'float16';
  const inHalf = (...values: number[]): ReturnType<typeof as> => as(half, fixed([values.length], values));
  return [
    kink('rounding', [normal([50])], (x) => x.cast(half).cast('float32').sub(x)),
    kink('rounding of what is tiny, huge, or in the middle', [fixed([10], edges)], (x) => x.cast(half).cast('float32')),
    at('int32 from and to', [integers([9], -300, 300)], (x) => x.cast(half).mul(0.5).cast('int32')),
    at('bool from and to', [coins([6])], (x) => x.cast(half).mul(0.5).cast('bool')),
    at('to int32, towards zero', [inHalf(-2.75, -1, -0.25, 0, 0.75, 3.5)], (x) => x.cast('int32')),
    at('by way of float32', [as(half, normal([4]))], (x) => x.cast('float32').square().cast(half)),
    at('a product between sums in float32', [normal([4, 8]), normal([8, 3])], (x, w) =>
      x.square().cast(half).matmul(w.cast(half)).cast('float32').sum([1]),
    ),
    at('a sum that a half cannot count to', [as(half, fixed([3000], new Array<number>(3000).fill(1)))], (x) => x.sum()),
    at('a product of long rows', [as(half, positive([2, 3000])), as(half, positive([3000, 2]))], (a, b) =>
      a.mul(1 / 64).matmul(b),
    ),
    at('a convolution of a large map', [as(half, normal([2, 2, 16, 17])), as(half, normal([3, 2, 3, 3]))], (x, w) =>
      conv2d(x, w, { padding: 1 }),
    ),
    at('a sum of long rows', [as(half, normal([2, 20, 32]))], (x) => x.square().sum([1])),
    at('a mean whose sum overflows', [inHalf(60000, 50000, 40000, 30000)], (x) => x.mean()),
    at('a root mean square whose squares overflow', [inHalf(1000, -2000, 3000, 4000)], (x) =>
      x.div(x.cast('float32').square().mean().sqrt().cast(half)),
    ),
    at('a factor that keeps a sum in range', [inHalf(30000, 20000, 10000, 30000)], (x) => x.mul(1 / 16).sum()),
    kink(`to ${other}`, [inHalf(0.1, -3.14159, 1000)], (x) => x.cast('float32').cast(half).neg()),
  ];
}

const edges = [1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 65519, 65520, -3.4e38, 3e-8, -1e-7, 1e-40];

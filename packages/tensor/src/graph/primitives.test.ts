import { referenceRuntime } from '@flowmap/runtime-reference';
import { expect, it } from 'vitest';
import { DTypeError, ShapeError } from '../errors.js';
import { clamp, concat, convTranspose2d, oneHot, split, tile } from '../library/functions.js';
import { hostTensor, type HostTensor } from '../runtime/host-tensor.js';
import { bind, constant, input, full, type Tensor } from './tensor.js';
import { evaluate } from '../testing/index.js';
import { grad } from '../autodiff/vjp.js';

const runtime = referenceRuntime();
const vector = (...values: number[]): HostTensor => hostTensor([values.length], Float64Array.from(values));
const values = async (f: (...args: Tensor[]) => Tensor, ...args: HostTensor[]): Promise<number[]> =>
  Array.from((await evaluate(runtime, f, args)).data);

it('sums, orders and picks along an axis', async () => {
  const x = vector(3, 1, 2);
  expect(await values((x) => x.cumsum(0), x)).toEqual([3, 4, 6]);
  expect(await values((x) => x.cumsum(0, { exclusive: true }), x)).toEqual([0, 3, 4]);
  expect(await values((x) => x.cumsum(0, { exclusive: true, reverse: true }), x)).toEqual([3, 2, 0]);
  expect(await values((x) => x.argMax(0), x)).toEqual([0]);
  expect(await values((x) => x.argMin(-1), x)).toEqual([1]);
  expect(await values((x) => x.min(), x)).toEqual([1]);
  expect(await values((x) => x.flip([0]), x)).toEqual([2, 1, 3]);
  expect(await values((x) => clamp(x, 1.5, 2.5), x)).toEqual([2.5, 1.5, 2]);
  expect(await values((x) => tile(x.reshape([1, 3]), [2, 2]), x)).toEqual([3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2]);
});

it('scatterAdd sums the rows of one index and is the adjoint of gather', async () => {
  const indices = constant([2, 0, 2], [3], 'int32');
  const rows = hostTensor([3, 2], Float64Array.of(1, 2, 3, 4, 5, 6));
  expect(await values((x) => bind('scatterAdd', [x, indices], { count: 4 }), rows)).toEqual([3, 4, 0, 0, 6, 8, 0, 0]);
  const table = hostTensor([4, 2], Float64Array.of(0, 1, 10, 11, 20, 21, 30, 31));
  expect(await values((x) => x.gather(indices), table)).toEqual([20, 21, 0, 1, 20, 21]);
  const pulled = await values((x, g) => grad((y) => y.gather(indices).mul(g).sum(), [x])[0]!, table, rows);
  expect(pulled).toEqual([3, 4, 0, 0, 6, 8, 0, 0]);
});

it('int32 wraps modulo 2^32, also in sums of constants', async () => {
  const x = hostTensor([3], Int32Array.of(2 ** 31 - 1, 1, 65537));
  expect(await values((x) => x.sum(), x)).toEqual([-(2 ** 31) + 65537]);
  expect(await values((x) => x.add(x), x)).toEqual([-2, 2, 131074]);
  expect(await values((x) => x.mul(x), x)).toEqual([1, 1, 131073]);
  expect(await values(() => full(2 ** 30, [2], 'int32').sum())).toEqual([-(2 ** 31)]);
  expect(await values(() => full(2 ** 30, [3, 8], 'int32').sum([1]))).toEqual([0, 0, 0]);
  expect(() => full(2 ** 31, [], 'int32')).toThrow(DTypeError);
});

it('floats become int32 by truncation, clamped to its range', async () => {
  const x = vector(-1.9, 2147483648, -3e9, Infinity, -Infinity, NaN);
  const wanted = [-1, 2 ** 31 - 1, -(2 ** 31), 2 ** 31 - 1, -(2 ** 31), 0];
  expect(await values((x) => x.cast('int32'), x)).toEqual(wanted);
});

it('an index out of range means the nearest row, in gather and in its adjoint', async () => {
  const indices = hostTensor([4], Int32Array.of(-1, 2, 3, -(2 ** 31)));
  const table = vector(10, 20, 30);
  expect(await values((x, i) => x.gather(i), table, indices)).toEqual([10, 30, 30, 10]);
  const pulled = (x: Tensor, i: Tensor): Tensor => grad((y) => y.gather(i).sum(), [x])[0]!;
  expect(await values(pulled, table, indices)).toEqual([2, 0, 2]);
});

it('a constant index out of range is refused', () => {
  const x = input('x', [3, 2]);
  const at = (index: number): Tensor => x.gather(constant([0, index], [2], 'int32'));
  expect(at(2).shape).toEqual([2, 2]);
  expect(() => at(3)).toThrow(/gather of row 3: wanted an index from 0 to 2/);
  expect(() => at(-1)).toThrow(ShapeError);
});

it('NaN is the maximum and the minimum, and both indices point to it', async () => {
  const x = vector(1, NaN, Infinity, NaN);
  expect(await values((x) => x.max(), x)).toEqual([NaN]);
  expect(await values((x) => x.min(), x)).toEqual([NaN]);
  expect(await values((x) => x.argMax(0), x)).toEqual([1]);
  expect(await values((x) => x.argMin(0), x)).toEqual([1]);
  expect(await values((x) => clamp(x, 0, 2), x)).toEqual([1, NaN, 2, NaN]);
  expect(await values((x) => x.equal(x), x)).toEqual([1, 0, 1, 0]);
});

it.each<[string, () => Tensor]>([
  [
    'a transposed convolution',
    () => convTranspose2d(input('x', [1, 1, 2, 2]), input('w', [1, 1, 1, 1]), { padding: 1 }),
  ],
  [
    'more padding than image',
    () => convTranspose2d(input('x', [1, 1, 1, 1]), input('w', [1, 1, 1, 1]), { padding: 3 }),
  ],
  ['the size of an input gradient', () => inputGradient([0, 0])],
  ['a negative size of an input gradient', () => inputGradient([-1, -1])],
  ['the size of a weight gradient', () => weightGradient([0, 0])],
  ['repeats', () => tile(input('x', [2]), [0])],
  ['negative repeats', () => tile(input('x', [2, 2]), [-1, -1])],
  ['classes', () => oneHot(input('label', [2], 'int32'), 0)],
  ['a reshape', () => input('x', [6]).reshape([-2, -3])],
  ['a broadcast', () => input('x', [1]).broadcastTo([0])],
  ['a slice', () => input('x', [4]).slice([3], [2])],
  ['negative starts', () => input('x', [4]).slice([-1], [2])],
  ['a split into part of a piece', () => split(input('x', [4]), 0.5, 0)[0]!],
  ['a concatenation along part of an axis', () => concat([input('x', [4])], 0.5)],
  ['an axis of a sum', () => bind('sum', [input('x', [4])], { axes: [1], keepDims: false })],
])('no result without elements: %s', (_, make) => {
  expect(make).toThrow(ShapeError);
});

const unit = { stride: [1, 1], dilation: [1, 1], padding: [2, 2], groups: 1 } as const;
const inputGradient = (size: readonly [number, number]): Tensor => {
  const extents = size.map((extent) => extent + 4);
  return bind('conv2dInputGradient', [input('g', [1, 1, ...extents]), input('w', [1, 1, 1, 1])], { ...unit, size });
};
const weightGradient = (size: readonly [number, number]): Tensor =>
  bind('conv2dWeightGradient', [input('x', [1, 1, 2, 2]), input('g', [1, 1, 7, 7])], { ...unit, size });

it('refuses axes, indices and repeats that do not fit', () => {
  const x = input('x', [3, 2]);
  expect(() => x.argMax(2)).toThrow(/argMax over axes \[2\]/);
  expect(() => x.cumsum(-3)).toThrow(/cumsum over axes \[-3\]/);
  expect(() => x.gather(input('i', [2]))).toThrow(/gather: wanted int32 indices, got float32/);
  expect(() => input('n', []).gather(input('i', [2], 'int32'))).toThrow(/gather: wanted x \[rows, ...row\]/);
  expect(() => bind('scatterAdd', [x, input('i', [2], 'int32')], { count: 4 })).toThrow(/scatterAdd to 4 rows/);
  expect(() => tile(x, [2])).toThrow(/tile: wanted as many repeats as axes/);
});

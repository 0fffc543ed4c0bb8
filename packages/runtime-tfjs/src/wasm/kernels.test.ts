import { bind, hostTensor, sizeOf, type HostTensors, type Runtime, type Tensor, type Tensors } from '@flowmap/tensor';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { beforeAll, expect, test } from 'vitest';
import { difference, evaluate, sample } from '../__fixtures__/evaluate.js';
import { tfjsRuntime } from '../runtime.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await tfjsRuntime({ backend: 'wasm' });
});

/** Sums of up to 4,096 terms of size 1, each rounded by 6e-8, relative to a result of size 1 or more. */
const agrees = async (feeds: HostTensors, f: (inputs: Tensors) => Tensor): Promise<void> => {
  const [got, wanted] = [await evaluate(runtime, feeds, f), await evaluate(referenceRuntime(), feeds, f)];
  expect(difference(got, wanted)).toBeLessThan(2e-5);
};

/** The shape with its last two extents exchanged. */
const flipped = (shape: readonly number[]): number[] => [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!];

test.each([
  [
    [40, 30],
    [30, 50],
  ],
  [
    [3, 40, 30],
    [3, 30, 50],
  ],
  [
    [2, 2, 33, 64],
    [2, 2, 64, 17],
  ],
  [
    [5, 3, 4],
    [5, 4, 2],
  ],
])('products of %j and %j, and of their transposes', async (left, right) => {
  for (const [transposeA, transposeB] of [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ] as const) {
    const feeds = {
      a: sample(transposeA ? flipped(left) : left, 1),
      b: sample(transposeB ? flipped(right) : right, 2),
    };
    await agrees(feeds, ({ a, b }) => bind('matmul', [a!, b!], { transposeA, transposeB }));
  }
});

test('one buffer is the right operand of products of different shapes', async () => {
  const feeds = { x: sample([6, 40], 1), y: sample([3, 6], 2), z: sample([3, 40], 3), w: sample([3, 24], 4) };
  await agrees(feeds, ({ x, y, z, w }) => {
    const upright = z!.matmul(x!.reshape([40, 6]));
    const square = w!.matmul(x!.reshape([24, 10]));
    const sums = [y!.matmul(x!), upright, square].map((product) => product.sum([1]));
    return sums.reduce((total, sum) => total.add(sum));
  });
});

test.each([
  { shape: [1, 3, 1], axes: [1] },
  { shape: [2, 4096], axes: [1] },
  { shape: [3, 1031], axes: [1] },
  { shape: [2, 7, 5], axes: [1] },
  // More channels than fit on the wasm stack, and a number of channels without a divisor.
  { shape: [8, 40_000], axes: [0] },
  { shape: [9, 4099], axes: [0] },
])('sum of $shape over $axes', async ({ shape, axes }) => {
  await agrees({ x: sample(shape) }, ({ x }) => x!.sum(axes));
});

test('sums pass on what is not finite', async () => {
  const x = new Float32Array(3 * 512).fill(1);
  x[0] = NaN;
  x[512] = Infinity;
  x[1024] = -Infinity;
  const feeds = { x: hostTensor([3, 512], x) };
  expect(await evaluate(runtime, feeds, ({ x }) => x!.sum([1]))).toEqual([NaN, Infinity, -Infinity]);
  const columns = await evaluate(runtime, feeds, ({ x }) => x!.sum([0]));
  expect(columns.slice(0, 2)).toEqual([NaN, 3]);
});

test('sums of int32 are exact', async () => {
  const feeds = { x: hostTensor([2, 3], Int32Array.of(20_000_001, 1, 2, 3, -4, 5)) };
  expect(await evaluate(runtime, feeds, ({ x }) => x!.sum([0]))).toEqual([20_000_004, -3, 7]);
});

test('long and short rows are cut and repeated', async () => {
  for (const width of [3, 70]) {
    const feeds = { x: sample([4, 3, width + 5]), y: sample([4, 1, width]) };
    await agrees(feeds, ({ x }) => x!.slice([1, 1, 2], [4, 3, width + 2]));
    await agrees(feeds, ({ y }) => y!.broadcastTo([4, 6, width]));
  }
});

// Sums of equal numbers, whose rounding errors all have the same sign; with random numbers most of them cancel.
test.each([
  [[2 ** 20], [0]],
  [[62_500, 16], [0]],
  [[3, 4096, 2], [1]],
  [[10_000, 3], [0]],
])('the sum of many equal numbers, %j over axes %j', async (shape, axes) => {
  const x = hostTensor(shape, new Float32Array(sizeOf(shape)).fill(0.1));
  const terms = axes.reduce((product, axis) => product * shape[axis]!, 1);
  const got = await evaluate(runtime, { x }, ({ x }) => x!.sum(axes));
  for (const value of got) expect(Math.abs(value / (terms * Math.fround(0.1)) - 1)).toBeLessThan(8e-6);
});

test.each([{}, { exclusive: true }, { reverse: true }])(
  'the cumulative sum of many equal numbers, %o',
  async (options) => {
    const size = 2 ** 15;
    const x = hostTensor([size], new Float32Array(size).fill(0.1));
    const data = await evaluate(runtime, { x }, ({ x }) => x!.cumsum(0, options));
    for (const i of [0, 1, 255, 300, size - 2, size - 1]) {
      const before = 'reverse' in options ? size - 1 - i : i;
      const wanted = (before + ('exclusive' in options ? 0 : 1)) * Math.fround(0.1);
      expect(Math.abs(data[i]! - wanted)).toBeLessThanOrEqual(8e-6 * wanted);
    }
  },
);

test.each([2 ** 14, 2 ** 18, 10_007])('the softmax of %i equal numbers', async (count) => {
  const x = hostTensor([2, count], new Float32Array(2 * count).fill(3));
  const data = await evaluate(runtime, { x }, ({ x }) => x!.softmax());
  expect(data).toHaveLength(2 * count);
  for (const at of [0, count - 1, count, 2 * count - 1]) expect(Math.abs(data[at]! * count - 1)).toBeLessThan(8e-6);
});

test('the softmax of a long row with special numbers', async () => {
  const rows = [NaN, Infinity, -Infinity].map((special) =>
    Float32Array.from({ length: 5000 }, (_, i) => (i === 7 ? special : 0)),
  );
  const x = hostTensor(
    [3, 5000],
    rows.flatMap((row) => Array.from(row)),
  );
  const data = await evaluate(runtime, { x }, ({ x }) => x!.softmax());
  expect([data[0], data[5000]]).toEqual([NaN, NaN]);
  expect(data[10_007]).toBe(0);
  expect(Math.abs(data[10_000]! * 4999 - 1)).toBeLessThan(8e-6);
});

test.each([
  [1, 2 ** 16, 1],
  [3, 2 ** 16, 5],
  [40, 5001, 33],
  [2, 2 ** 18, 2],
])('a product of %i x %i and columns of %i, all of equal numbers', async (m, k, n) => {
  const equal = (shape: number[]) => hostTensor(shape, new Float32Array(sizeOf(shape)).fill(0.1));
  const wanted = k * Math.fround(0.1) ** 2;
  for (const [transposeA, transposeB] of [
    [false, false],
    [true, false],
    [false, true],
  ] as const) {
    const feeds = { a: equal(transposeA ? [2, k, m] : [2, m, k]), b: equal(transposeB ? [2, n, k] : [2, k, n]) };
    const data = await evaluate(runtime, feeds, ({ a, b }) => bind('matmul', [a!, b!], { transposeA, transposeB }));
    expect(data).toHaveLength(2 * m * n);
    // Stages of 1024 terms, added one after another.
    for (const value of data) expect(Math.abs(value / wanted - 1)).toBeLessThan(3e-5);
  }
});

test('a long product of different numbers', async () => {
  await agrees({ a: sample([5, 4500]), b: sample([4500, 3]) }, ({ a, b }) => a!.matmul(b!));
  await agrees({ a: sample([2, 4500, 3]), b: sample([2, 2, 4500]) }, ({ a, b }) =>
    bind('matmul', [a!, b!], { transposeA: true, transposeB: true }),
  );
});

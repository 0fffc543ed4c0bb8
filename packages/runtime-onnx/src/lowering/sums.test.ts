import { fromBinary } from '@bufbuild/protobuf';
import { referenceRuntime } from '@flowmap/runtime-reference';
import {
  bind,
  grad,
  groupNorm,
  hostTensor,
  hostZeros,
  program,
  rmsNorm,
  sizeOf,
  type DType,
  type Runtime,
  type Tensor,
} from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { ModelProtoSchema } from 'onnx-buf';
import { beforeAll, describe, expect, it } from 'vitest';
import { onnxRuntime } from '../onnx-runtime.js';
import { toOnnx } from '../to-onnx.js';

// Sums of equal numbers, whose rounding errors all have the same sign; with random numbers most of them cancel.

let onnx: Runtime;
beforeAll(async () => {
  onnx = await onnxRuntime({ device: 'cpu', threads: 1 });
});

const tenth = (shape: readonly number[], dtype: DType = 'float32') =>
  hostTensor(shape, new Float32Array(sizeOf(shape)).fill(0.1), dtype);

/** Largest relative error of results that should all be the same number. */
const errorOf = (data: ArrayLike<number>, wanted: number): number =>
  Math.max(...[Math.min, Math.max].map((f) => Math.abs(Array.from(data).reduce((a, b) => f(a, b)) / wanted - 1)));

// Stages of at most 256 terms, added one after another: at worst 256 roundings of 2^-25 of the sum on average.
const accepted = 8e-6;

describe('sums of many equal numbers', () => {
  it.each<[shape: number[], axes: number[] | undefined]>([
    [[2 ** 20], undefined],
    [[1024, 1024], undefined],
    [[10_007], [0]], // a prime
    [[514], [0]], // twice a prime
    [[3, 257, 2], [1]],
    [[65_536, 3], [0]],
    [[2, 20_000, 16], [1]],
    [[62_501, 16], [0]], // a number of rows that no part divides
    [
      [3, 5, 64, 64],
      [0, 2, 3],
    ],
    [
      [3, 2, 300, 2, 300],
      [0, 2, 4],
    ],
    [
      [300, 2, 3, 2, 300, 2],
      [0, 2, 4],
    ],
    [
      [1, 4000, 1, 2],
      [1, 2],
    ],
  ])('%j over axes %j', async (shape, axes) => {
    const terms = axes ? axes.reduce((product, axis) => product * shape[axis]!, 1) : sizeOf(shape);
    const results = await evaluate(onnx, (x) => [x.sum(axes), x.sum(axes, true)], [tenth(shape)]);
    const kept = shape.map((extent, axis) => (!axes || axes.includes(axis) ? 1 : extent));
    expect(results[1]!.shape).toEqual(kept);
    expect(results[0]!.shape).toEqual(axes ? shape.filter((_, axis) => !axes.includes(axis)) : []);
    for (const { data } of results) expect(errorOf(data, Math.fround(0.1) * terms)).toBeLessThan(accepted);
  });

  it('of halves, which are rounded once', async () => {
    const { data } = await evaluate(onnx, (x) => x.sum(), [tenth([4099], 'float16')]);
    // Float16 has 0.0999755859375 for a tenth, and 1/4 between its numbers there.
    expect(Math.abs(data[0]! - 4099 * 0.0999755859375)).toBeLessThanOrEqual(1 / 8);
  });

  it('of whole numbers, which are exact', async () => {
    const ones = hostTensor([70_000], new Int32Array(70_000).fill(30_000));
    expect([...(await evaluate(onnx, (x) => x.sum(), [ones])).data]).toEqual([2_100_000_000]);
  });

  it('in the gradient of a bias of 62,500 rows', async () => {
    const bias = hostZeros({ shape: [1, 64], dtype: 'float32' });
    const loss = (x: Tensor) => (b: Tensor) => x.add(b).mul(x).sum();
    const { data } = await evaluate(onnx, (x, b) => grad(loss(x), [b])[0]!, [tenth([62_500, 64]), bias]);
    expect(errorOf(data, 62_500 * Math.fround(0.1))).toBeLessThan(accepted);
  });

  it.each([
    ['group norm', [1, 16, 256, 256], (x: Tensor) => groupNorm(x.sub(0.05), 1)],
    ['root-mean-square norm', [2, 2 ** 20], (x: Tensor) => rmsNorm(x)],
  ] as const)('in a %s', async (name, shape, norm) => {
    // A group with equal shares of 0.1 and -0.1, which centring leaves unchanged.
    const signs = tenth(shape);
    if (name === 'group norm')
      signs.data.forEach((value, i) => (signs.data[i] = i % 2 === 0 ? value + 0.05 : 0.05 - value));
    const { data } = await evaluate(onnx, norm, [signs]);
    const wanted = 1 / Math.sqrt(1 + (name === 'group norm' ? 1e-5 : 1e-6) / Math.fround(0.1) ** 2);
    expect(errorOf(data.map(Math.abs), wanted)).toBeLessThan(accepted);
  });
});

describe('sums in parts', () => {
  it.each<[shape: number[], axes: number[], operators: string[]]>([
    [[65_536], [0], ['Reshape', 'ReduceSum', 'ReduceSum']],
    [
      [4, 256, 256],
      [0, 1, 2],
      ['Reshape', 'ReduceSum', 'Reshape', 'ReduceSum', 'ReduceSum'],
    ],
    [
      [8, 4, 24, 24],
      [1, 2, 3],
      ['Reshape', 'ReduceSum', 'ReduceSum'],
    ],
    [[1024, 32], [0], ['Reshape', 'MatMul', 'Reshape', 'Gemm', 'Reshape']],
    [[64, 32], [0], ['Gemm', 'Reshape']],
  ])('of %j over axes %j are not reshaped to what they are', (shape, axes, operators) => {
    const total = program('total', { inputs: { x: shape } }, ({ x }) => ({ outputs: { total: x.sum(axes) } }));
    const { graph } = fromBinary(ModelProtoSchema, toOnnx(total));
    expect(graph!.node.map(({ opType }) => opType)).toEqual(operators);
  });
});

it('a softmax of many equal numbers is right', async () => {
  const size = 2 ** 18;
  const x = hostTensor([2, size], new Float32Array(2 * size).fill(Math.log(0.1)));
  for (const row of [0, 1]) x.data[row * size] = 0;
  const { data } = await evaluate(onnx, (x) => x.softmax(), [x]);
  const small = Math.exp(Math.fround(Math.log(0.1)));
  for (const row of [0, size]) {
    expect(Math.abs(data[row]! * (1 + (size - 1) * small) - 1)).toBeLessThan(accepted);
    expect(Math.abs(data[row + 7]! * (1 / small + size - 1) - 1)).toBeLessThan(accepted);
  }
});

describe('cumulative sums', () => {
  it.each([
    { exclusive: false, reverse: false },
    { exclusive: true, reverse: false },
    { exclusive: false, reverse: true },
    { exclusive: true, reverse: true },
  ])('of many equal numbers, %o', async (options) => {
    for (const [extent, columns] of [
      [2 ** 17, 1],
      [1031, 2],
    ] as const) {
      const { data } = await evaluate(onnx, (x) => x.cumsum(0, options), [tenth([extent, columns])]);
      for (const i of [0, 1, 255, 256, 257, 1000, extent - 2, extent - 1]) {
        const place = options.reverse ? extent - 1 - i : i;
        const wanted = (place + (options.exclusive ? 0 : 1)) * Math.fround(0.1);
        for (let column = 0; column < columns; column++) {
          expect(Math.abs(data[i * columns + column]! - wanted)).toBeLessThanOrEqual(accepted * wanted);
        }
      }
    }
  });
});

describe('long products', { timeout: 300_000 }, () => {
  const sizes: [m: number, k: number, n: number][] = [
    [1, 2 ** 18, 1],
    [2, 3 * 2 ** 16, 3],
    [1, 65_537, 1], // a prime, in one product
  ];
  it.each(sizes)('of %i x %i and %i equal columns', async (m, k, n) => {
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        const f = (a: Tensor, b: Tensor): Tensor => bind('matmul', [a, b], { transposeA, transposeB });
        const a = tenth(transposeA ? [k, m] : [m, k]);
        const b = tenth(transposeB ? [n, k] : [k, n]);
        const { data } = await evaluate(onnx, f, [a, b]);
        expect(data).toHaveLength(m * n);
        // Parts of 2^14 terms, which are off by 2e-5 if there is one row.
        expect(errorOf(data, k * Math.fround(0.1) ** 2)).toBeLessThan(1e-4);
      }
    }
  });

  it('of different numbers, transposed or not, in a batch and with an addend', async () => {
    const k = 2 ** 17;
    const numbers = (...shape: number[]) =>
      hostTensor(
        shape,
        Float32Array.from({ length: sizeOf(shape) }, (_, i) => ((i * 7) % 13) - 6),
      );
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        const f = (a: Tensor, b: Tensor, c: Tensor): Tensor => {
          const product = bind('matmul', [a, b], { transposeA, transposeB });
          return product.rank === 2 ? product.add(c) : product;
        };
        for (const batch of [[], [2]]) {
          const a = numbers(...batch, ...(transposeA ? [k, 3] : [3, k]));
          const b = numbers(...batch, ...(transposeB ? [2, k] : [k, 2]));
          const args = [a, b, numbers(3, 2)];
          const [got, wanted] = [await evaluate(onnx, f, args), await evaluate(referenceRuntime(), f, args)];
          // Integers below 2^24, which are exact.
          expect(Array.from(got.data)).toEqual(Array.from(wanted.data));
        }
      }
    }
  });
});

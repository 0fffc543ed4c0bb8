import { referenceRuntime } from '@flowmap/runtime-reference';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gelu, geluTanh } from './activations.js';
import { attention } from './attention.js';
import { concat, conv2d, linear, oneHot, select, split, sumTo } from './functions.js';
import { hostTensor, type HostTensor } from '../runtime/host-tensor.js';
import { groupNorm, layerNorm, pixelNorm, rmsNorm } from './norms.js';
import { normals } from '../random/random.js';
import { sizeOf, type Shape } from '../graph/shape.js';
import { bind, type Tensor } from '../graph/tensor.js';
import { evaluate } from '../testing/index.js';
import { vjp } from '../autodiff/vjp.js';

const runtime = referenceRuntime();
const tensor = (shape: Shape, values: readonly number[]): HostTensor => hostTensor(shape, Float64Array.from(values));
const normal = (shape: Shape, seed = 0): HostTensor =>
  hostTensor(shape, normals({ seed, purpose: 'test' }, sizeOf(shape)));
const values = async (f: (...args: Tensor[]) => Tensor, ...args: HostTensor[]): Promise<number[]> =>
  Array.from((await evaluate(runtime, f, args)).data);

/** Equal up to the rounding errors of a few double operations. */
const expectClose = (got: readonly number[], wanted: readonly number[]): void => {
  expect(got).toHaveLength(wanted.length);
  got.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 12));
};

const moments = (x: readonly number[]): { mean: number; meanSquare: number } => ({
  mean: x.reduce((total, v) => total + v, 0) / x.length,
  meanSquare: x.reduce((total, v) => total + v * v, 0) / x.length,
});

describe('norms', () => {
  it('layerNorm gives every row mean 0 and variance 1, whatever the scale and shift', async () => {
    const x = await values((x) => layerNorm(x.mul(7).add(3), 0), normal([4, 50]));
    for (let row = 0; row < 4; row++) {
      const { mean, meanSquare } = moments(x.slice(row * 50, (row + 1) * 50));
      expect(mean).toBeCloseTo(0, 12);
      expect(meanSquare).toBeCloseTo(1, 12);
    }
  });

  it('rmsNorm makes the mean square 1', async () => {
    expectClose(await values((x) => rmsNorm(x, 0), tensor([1, 2], [3, 4])), [3 / Math.sqrt(12.5), 4 / Math.sqrt(12.5)]);
    expect(await values((x) => rmsNorm(x), tensor([3], [0, 0, 0]))).toEqual([0, 0, 0]);
  });

  it('epsilon is added to the variance', async () => {
    expectClose(await values((x) => layerNorm(x, 3), tensor([2], [1, -1])), [0.5, -0.5]);
    expectClose(await values((x) => rmsNorm(x, 3), tensor([2], [1, -1])), [0.5, -0.5]);
    expectClose(await values((x) => groupNorm(x, 1, 3), tensor([1, 2, 1, 1], [1, -1])), [0.5, -0.5]);
    expectClose(await values((x) => pixelNorm(x, 3), tensor([1, 2, 1, 1], [1, -1])), [0.5, -0.5]);
  });

  it('groupNorm normalizes channels of a group together with all their pixels', async () => {
    const x = await values((x) => groupNorm(x.mul(2).add(1), 2, 0), normal([3, 4, 5, 5]));
    for (let group = 0; group < 6; group++) {
      const { mean, meanSquare } = moments(x.slice(group * 50, (group + 1) * 50));
      expect(mean).toBeCloseTo(0, 12);
      expect(meanSquare).toBeCloseTo(1, 12);
    }
  });

  it('pixelNorm normalizes the channels of one pixel', async () => {
    const x = await values((x) => pixelNorm(x, 0), normal([2, 3, 2, 2]));
    for (let n = 0; n < 2; n++) {
      for (let pixel = 0; pixel < 4; pixel++) {
        const channels = [0, 1, 2].map((c) => x[(n * 3 + c) * 4 + pixel]!);
        expect(moments(channels).meanSquare).toBeCloseTo(1, 12);
      }
    }
  });
});

describe('attention', () => {
  it('is the formula, head by head', async () => {
    const [query, key, value] = [normal([2, 3, 4], 1), normal([2, 5, 4], 2), normal([2, 5, 2], 3)];
    const got = await values(attention, query, key, value);
    const wanted: number[] = [];
    for (let head = 0; head < 2; head++) {
      for (let i = 0; i < 3; i++) {
        const scores = Array.from({ length: 5 }, (_, j) => {
          let dot = 0;
          for (let d = 0; d < 4; d++) dot += query.data[(head * 3 + i) * 4 + d]! * key.data[(head * 5 + j) * 4 + d]!;
          return Math.exp(dot / 2);
        });
        const total = scores.reduce((a, b) => a + b);
        for (let d = 0; d < 2; d++) {
          wanted.push(scores.reduce((sum, s, j) => sum + (s / total) * value.data[(head * 5 + j) * 2 + d]!, 0));
        }
      }
    }
    expectClose(got, wanted);
  });

  it('with equal keys is the mean of the values', async () => {
    const got = await values(
      attention,
      normal([2, 3]),
      tensor([4, 3], new Array<number>(12).fill(1)),
      tensor([4, 1], [1, 2, 3, 6]),
    );
    expectClose(got, [3, 3]);
  });
});

describe('activations', () => {
  it('gelu at known points', async () => {
    // x Phi(x) with Phi(1) = 0.841344746068543 and Phi(-2) = 0.022750131948179 (standard normal table).
    expectClose(await values(gelu, tensor([3], [0, 1, -2])), [0, 0.841344746068543, -2 * 0.022750131948179]);
  });

  it('geluTanh is within 5e-4 of gelu', async () => {
    const x = tensor(
      [201],
      Array.from({ length: 201 }, (_, i) => (i - 100) / 20),
    );
    const difference = await values((x) => gelu(x).sub(geluTanh(x)).abs().max(), x);
    expect(difference[0]).toBeLessThan(5e-4);
    expect(difference[0]).toBeGreaterThan(1e-5);
    expectClose(await values(geluTanh, tensor([1], [1.5])), [
      0.75 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (1.5 + 0.044715 * 1.5 ** 3))),
    ]);
  });
});

describe('oneHot, select, split and concat', () => {
  it('oneHot marks the class; labels out of range mark none', async () => {
    const labels = hostTensor([4], Int32Array.of(1, 0, -1, 3));
    expect(await values((n) => oneHot(n, 3), labels)).toEqual([0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('select takes numbers of the dtype of the other branch', async () => {
    const condition = hostTensor([3], Uint8Array.of(1, 0, 1));
    expect(await values((c, x) => select(c, x, -1), condition, tensor([3], [5, 6, 7]))).toEqual([5, -1, 7]);
    expect(await values((c) => select(c, 2, 3), condition)).toEqual([2, 3, 2]);
  });

  it('concat undoes split along every axis', async () => {
    const shape = [4, 6, 2];
    const x = normal(shape);
    for (const [pieces, axis] of [
      [2, 0],
      [3, 1],
      [2, -1],
      [1, 1],
    ] as const) {
      expect(await values((x) => concat(split(x, pieces, axis), axis), x)).toEqual(Array.from(x.data));
    }
    const [a, b, c] = await evaluate(runtime, (x) => split(x, 3, 1), [tensor([2, 3], [1, 2, 3, 4, 5, 6])]);
    expect([a, b, c].map((piece) => Array.from(piece!.data))).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
  });
});

describe('linear and convolution', () => {
  it('linear is x W + b along the last axis', async () => {
    const got = await values(
      linear,
      tensor([2, 1, 2], [1, 2, 3, 4]),
      tensor([2, 2], [1, 0, 10, 1]),
      tensor([2], [0.5, -0.5]),
    );
    expect(got).toEqual([21.5, 1.5, 43.5, 3.5]);
  });

  it('conv2d with a shifted unit impulse shifts the image: cross-correlation, no flip', async () => {
    const x = tensor([1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const right = tensor([1, 1, 3, 3], [0, 0, 0, 0, 0, 1, 0, 0, 0]);
    expect(await values((x, w) => conv2d(x, w, { padding: 1 }), x, right)).toEqual([2, 3, 0, 5, 6, 0, 8, 9, 0]);
  });

  it('conv2d with a 1x1 kernel is a matrix product over channels', async () => {
    const [x, w] = [normal([2, 3, 4, 5], 1), normal([6, 3, 1, 1], 2)];
    const difference = await values(
      (x, w) => {
        const [weights, pixels] = [w.reshape([1, 6, 3]).broadcastTo([2, 6, 3]), x.reshape([2, 3, 20])];
        const product = weights.matmul(pixels).reshape([2, 6, 4, 5]);
        return conv2d(x, w).sub(product).abs().max();
      },
      x,
      w,
    );
    expect(difference[0]).toBeLessThan(1e-14);
  });

  it('the three convolutions are adjoint: <g, conv(x, w)> = <x, inputGradient(g, w)> = <w, weightGradient(x, g)>', async () => {
    const convolution = fc.record({
      n: fc.integer({ min: 1, max: 2 }),
      c: fc.integer({ min: 1, max: 3 }),
      o: fc.integer({ min: 1, max: 3 }),
      size: fc.tuple(fc.integer({ min: 3, max: 7 }), fc.integer({ min: 3, max: 7 })),
      kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
      stride: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
      padding: fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 })),
      dilation: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
      groups: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(convolution, fc.nat(100), async ({ n, c, o, size, kernel, ...attributes }, seed) => {
        fc.pre(kernel.every((k, i) => attributes.dilation[i]! * (k - 1) < size[i]!));
        const { groups } = attributes;
        const [x, w] = [normal([n, groups * c, ...size], seed), normal([groups * o, c, ...kernel], seed + 1)];
        const { shape } = await evaluate(runtime, (x, w) => conv2d(x, w, attributes), [x, w]);
        const products = await evaluate(
          runtime,
          (x, w, g) => {
            const inputGradient = bind('conv2dInputGradient', [g, w], { ...attributes, size });
            const weightGradient = bind('conv2dWeightGradient', [x, g], { ...attributes, size: kernel });
            return [conv2d(x, w, attributes).mul(g).sum(), inputGradient.mul(x).sum(), weightGradient.mul(w).sum()];
          },
          [x, w, normal(shape, seed + 2)],
        );
        const [forward, input, weight] = products.map(({ data }) => data[0]!);
        expect(input).toBeCloseTo(forward!, 10);
        expect(weight).toBeCloseTo(forward!, 10);
      }),
      { numRuns: 50, seed: 3 },
    );
  });

  it('sumPool2d and upsample2d are adjoint, and pooling an upsampled image multiplies by factor^2', async () => {
    const x = tensor([1, 1, 2, 2], [1, 2, 3, 4]);
    expect(await values((x) => x.upsample2d(2), x)).toEqual([1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
    expect(await values((x) => x.upsample2d(3).sumPool2d(3), x)).toEqual([9, 18, 27, 36]);
    expect(await values((x) => x.upsample2d(2).sumPool2d(4), x)).toEqual([40]);
  });
});

describe('sumTo', () => {
  it('is the adjoint of broadcasting', async () => {
    for (const [narrow, wide] of [
      [[], [2, 3]],
      [
        [1, 3],
        [2, 3],
      ],
      [
        [2, 1, 1],
        [2, 3, 4],
      ],
      [[2], [2]],
    ] as const) {
      const [x, g] = [normal(narrow, 1), normal(wide, 2)];
      const [direct, byGradient] = await evaluate(
        runtime,
        (x, g) => [sumTo(g, narrow), vjp((y) => y.broadcastTo(wide), [x])[1](g)[0]!],
        [x, g],
      );
      expect(direct!.shape).toEqual(narrow);
      expect(direct).toEqual(byGradient);
      const [left, right] = await evaluate(
        runtime,
        (x, g) => [x.broadcastTo(wide).mul(g).sum(), sumTo(g, narrow).mul(x).sum()],
        [x, g],
      );
      expect(left!.data[0]).toBeCloseTo(right!.data[0]!, 12);
    }
  });
});

import { referenceRuntime } from '@flowmap/runtime-reference';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { convTranspose2d, conv2d } from './functions.js';
import { hostTensor, type HostTensor } from '../runtime/host-tensor.js';
import { depthToSpace, resize2d, spaceToDepth } from './images.js';
import { averagePool2d, maxPool2d } from './pooling.js';
import { normals } from '../random/random.js';
import { sizeOf, type Shape } from '../graph/shape.js';
import { input, type Tensor } from '../graph/tensor.js';
import { evaluate } from '../testing/index.js';

const runtime = referenceRuntime();
const image = (shape: Shape, values: readonly number[]): HostTensor => hostTensor(shape, Float64Array.from(values));
const counting = (shape: Shape): HostTensor =>
  image(
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => i),
  );
const normal = (shape: Shape, seed = 0): HostTensor =>
  hostTensor(shape, normals({ seed, purpose: 'test' }, sizeOf(shape)));
const values = async (f: (...args: Tensor[]) => Tensor, ...args: HostTensor[]): Promise<number[]> =>
  Array.from((await evaluate(runtime, f, args)).data);

describe('space and depth', () => {
  it('channel (c, i, j) holds pixel (i, j) of the blocks of channel c', async () => {
    const x = counting([1, 2, 2, 4]);
    const blocks = await evaluate(runtime, (x) => spaceToDepth(x, 2), [x]);
    expect(blocks.shape).toEqual([1, 8, 1, 2]);
    expect(Array.from(blocks.data)).toEqual([0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15]);
  });

  it('are inverse to each other', async () => {
    const x = normal([2, 3, 6, 9]);
    expect(await values((x) => depthToSpace(spaceToDepth(x, 3), 3), x)).toEqual(Array.from(x.data));
  });

  it('refuse factors that do not divide', () => {
    expect(() => spaceToDepth(input('x', [1, 1, 4, 3]), 2)).toThrow(/spaceToDepth by 2: wanted height and width/);
    expect(() => depthToSpace(input('x', [1, 6, 2, 2]), 2)).toThrow(/depthToSpace by 2: wanted channels/);
    expect(() => spaceToDepth(input('x', [4, 4]), 2)).toThrow(/wanted images \[n, c, h, w\], got \[4, 4\]/);
  });
});

describe('resizing', () => {
  it('bilinear aligns pixel centres and repeats the border', async () => {
    // The new centres lie at -1/4, 1/4, 3/4 and 5/4 in units of the old pixels.
    expect(await values((x) => resize2d(x, [1, 4], 'bilinear'), image([1, 1, 1, 2], [1, 2]))).toEqual([
      1, 1.25, 1.75, 2,
    ]);
  });

  it('bilinear keeps a plane, away from the border, at any scale', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 12 }), fc.integer({ min: 2, max: 12 }), async (h, w) => {
        const plane = image(
          [1, 1, 5, 7],
          Array.from({ length: 35 }, (_, i) => 2 * Math.floor(i / 7) - 3 * (i % 7) + 1),
        );
        const got = await values((x) => resize2d(x, [h, w], 'bilinear'), plane);
        const place = (i: number, from: number, to: number): number =>
          Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
        got.forEach((value, i) => {
          const [row, column] = [place(Math.floor(i / w), 5, h), place(i % w, 7, w)];
          expect(value).toBeCloseTo(2 * row - 3 * column + 1, 12);
        });
      }),
      { numRuns: 30, seed: 1 },
    );
  });

  it('nearest uses pixel floor(i r)', async () => {
    const x = image([1, 1, 1, 3], [5, 6, 7]);
    expect(await values((x) => resize2d(x, [1, 2], 'nearest'), x)).toEqual([5, 6]);
    expect(await values((x) => resize2d(x, [1, 5], 'nearest'), x)).toEqual([5, 5, 6, 6, 7]);
    expect(await values((x) => resize2d(x, [2, 6], 'nearest'), x)).toEqual([5, 5, 6, 6, 7, 7, 5, 5, 6, 6, 7, 7]);
  });

  it('to the same size changes nothing', async () => {
    const x = normal([2, 2, 3, 4]);
    for (const mode of ['nearest', 'bilinear'] as const) {
      expect(await values((x) => resize2d(x, [3, 4], mode), x)).toEqual(Array.from(x.data));
    }
  });

  it('refuses invalid sizes', () => {
    expect(() => resize2d(input('x', [1, 1, 2, 2]), [0, 2], 'nearest')).toThrow(/a size of whole numbers >= 1/);
  });
});

describe('pooling', () => {
  const geometry = fc.record({
    size: fc.tuple(fc.integer({ min: 3, max: 8 }), fc.integer({ min: 3, max: 8 })),
    side: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 4 }),
    padding: fc.nat(2),
  });

  /** The pixels of each window in turn, without the padding. */
  function windows(x: HostTensor, side: number, stride: number, padding: number): number[][] {
    const [n, c, h, w] = x.shape as [number, number, number, number];
    const [outH, outW] = [h, w].map((extent) => Math.floor((extent + 2 * padding - side) / stride) + 1) as [
      number,
      number,
    ];
    return Array.from({ length: n * c * outH * outW }, (_, at) => {
      const [plane, i, j] = [Math.floor(at / (outH * outW)), Math.floor(at / outW) % outH, at % outW];
      const pixels: number[] = [];
      for (let u = 0; u < side; u++) {
        for (let v = 0; v < side; v++) {
          const [row, column] = [i * stride + u - padding, j * stride + v - padding];
          if (row >= 0 && row < h && column >= 0 && column < w) pixels.push(x.data[(plane * h + row) * w + column]!);
        }
      }
      return pixels;
    });
  }

  it('is the mean and the maximum of every window', async () => {
    await fc.assert(
      fc.asyncProperty(geometry, async ({ size, side, stride, padding }) => {
        fc.pre(padding < side);
        const x = normal([2, 2, ...size]);
        const wanted = windows(x, side, stride, padding);
        const means = await values((x) => averagePool2d(x, side, { stride, padding }), x);
        const maxima = await values((x) => maxPool2d(x, side, { stride, padding }), x);
        expect(maxima).toEqual(wanted.map((pixels) => Math.max(...pixels)));
        expect(means).toHaveLength(wanted.length);
        wanted.forEach((pixels, i) => {
          expect(means[i]).toBeCloseTo(pixels.reduce((sum, pixel) => sum + pixel, 0) / side ** 2, 12);
        });
      }),
      { numRuns: 60, seed: 2 },
    );
  });

  it('refuses windows that do not fit', () => {
    const x = input('x', [1, 1, 2, 5]);
    expect(() => maxPool2d(x, 3)).toThrow(/pooling by 3 with stride 3: wanted a window that fits the image/);
    expect(() => averagePool2d(x, 2, { stride: 0.5 })).toThrow(/with stride 0.5/);
  });
});

it('a transposed convolution is the adjoint of a convolution', async () => {
  const options = { stride: 2, padding: 1, dilation: [1, 2], groups: 2 } as const;
  const [y, w] = [normal([2, 4, 8, 7], 1), normal([6, 2, 3, 2], 2)];
  const { shape } = await evaluate(runtime, (y, w) => conv2d(y, w, options), [y, w]);
  const [forward, adjoint] = await evaluate(
    runtime,
    (y, w, g) => {
      // The stride maps several sizes to one; 8 x 7 is among them: 2 (4 - 1) - 2 + 2 + 1 = 7 rows and one more.
      const transposed = convTranspose2d(g, w, { ...options, outputPadding: [1, 0] });
      return [conv2d(y, w, options).mul(g).sum(), transposed.mul(y).sum()];
    },
    [y, w, normal(shape, 3)],
  );
  expect(adjoint!.data[0]).toBeCloseTo(forward!.data[0]!, 10);
});

import { bind, conv2d, hostTensor, type HostTensor, type Shape, type Tensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { referenceRuntime } from '../reference-runtime.js';

const runtime = referenceRuntime();

/** Small integers, so that sums are exact in any order. */
const whole = (shape: Shape, seed: number): HostTensor => {
  const size = shape.reduce((n, extent) => n * extent, 1);
  return hostTensor(
    shape,
    Float64Array.from({ length: size }, (_, i) => ((i * 7 + seed * 3) % 11) - 5),
  );
};

const extent = fc.integer({ min: 1, max: 9 });

it('matmul is the sum over the shared axis, for every transposition', async () => {
  await fc.assert(
    fc.asyncProperty(
      extent,
      extent,
      extent,
      extent,
      fc.boolean(),
      fc.boolean(),
      async (batch, m, k, n, transposeA, transposeB) => {
        const a = whole([batch, ...(transposeA ? [k, m] : [m, k])], 1);
        const b = whole([batch, ...(transposeB ? [n, k] : [k, n])], 2);
        const product = (x: Tensor, y: Tensor): Tensor => bind('matmul', [x, y], { transposeA, transposeB });
        const got = await evaluate(runtime, product, [a, b]);
        let position = 0;
        for (let s = 0; s < batch; s++) {
          for (let i = 0; i < m; i++) {
            for (let j = 0; j < n; j++) {
              let sum = 0;
              for (let p = 0; p < k; p++) {
                const left = a.data[s * m * k + (transposeA ? p * m + i : i * k + p)]!;
                sum += left * b.data[s * k * n + (transposeB ? j * k + p : p * n + j)]!;
              }
              expect(got.data[position++]).toBe(sum);
            }
          }
        }
      },
    ),
    { numRuns: 60, seed: 1 },
  );
});

it('conv2d is its defining sum', async () => {
  const small = fc.integer({ min: 1, max: 3 });
  const geometry = fc.record({
    n: small,
    c: small,
    o: small,
    size: fc.tuple(fc.integer({ min: 3, max: 6 }), fc.integer({ min: 3, max: 6 })),
    kernel: fc.tuple(small, small),
    stride: fc.tuple(small, small),
    padding: fc.tuple(fc.nat(2), fc.nat(2)),
    dilation: fc.tuple(fc.constantFrom(1, 2), fc.constantFrom(1, 2)),
    groups: small,
  });
  await fc.assert(
    fc.asyncProperty(geometry, async ({ n, c, o, size: [h, w], kernel: [kh, kw], ...options }) => {
      const { stride, padding, dilation, groups } = options;
      fc.pre(dilation[0] * (kh - 1) < h + 2 * padding[0] && dilation[1] * (kw - 1) < w + 2 * padding[1]);
      const channels = groups * c;
      const [x, weight] = [whole([n, channels, h, w], 1), whole([groups * o, c, kh, kw], 2)];
      const got = await evaluate(runtime, (x, w) => conv2d(x, w, options), [x, weight]);
      const [, , outH, outW] = got.shape as readonly [number, number, number, number];
      expect(outH).toBe(Math.floor((h + 2 * padding[0] - dilation[0] * (kh - 1) - 1) / stride[0]) + 1);
      let position = 0;
      for (let image = 0; image < n; image++) {
        for (let out = 0; out < groups * o; out++) {
          const first = Math.floor(out / o) * c;
          for (let i = 0; i < outH; i++) {
            for (let j = 0; j < outW; j++) {
              let sum = 0;
              for (let channel = 0; channel < c; channel++) {
                for (let u = 0; u < kh; u++) {
                  for (let v = 0; v < kw; v++) {
                    const row = i * stride[0] + u * dilation[0] - padding[0];
                    const column = j * stride[1] + v * dilation[1] - padding[1];
                    if (row < 0 || row >= h || column < 0 || column >= w) continue;
                    const pixel = x.data[((image * channels + first + channel) * h + row) * w + column]!;
                    sum += pixel * weight.data[((out * c + channel) * kh + u) * kw + v]!;
                  }
                }
              }
              expect(got.data[position++]).toBe(sum);
            }
          }
        }
      }
    }),
    { numRuns: 60, seed: 2 },
  );
});

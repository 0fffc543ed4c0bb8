import { conv2d, grad, hostTensor, normals, type HostTensor, type Runtime, type Tensor } from '@flowmap/tensor';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { evaluate } from '@flowmap/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { webgpuMissing } from '../__fixtures__/webgpu-adapter.js';
import { onnxRuntime } from '../onnx-runtime.js';

// The contract covers every primitive at small sizes; these tests cover what the lowerings do differently at larger
// ones.

const draw = (shape: readonly number[]): HostTensor => {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return hostTensor(shape, Float32Array.from(normals({ seed: 0, purpose: shape.join() }, size)));
};

let onnx: Runtime;
const missing = await webgpuMissing();

/** Largest difference between the two runtimes over all results, relative to the largest value of each. */
async function error(
  f: (...args: Tensor[]) => readonly Tensor[],
  shapes: readonly (readonly number[])[],
): Promise<number> {
  const args = shapes.map(draw);
  const [got, wanted] = [await evaluate(onnx, f, args), await evaluate(referenceRuntime(), f, args)];
  const errors = wanted.map(({ data, shape }, i) => {
    expect(got[i]!.shape).toEqual(shape);
    let [difference, scale] = [0, 0];
    for (const [j, value] of data.entries()) {
      difference = Math.max(difference, Math.abs(value - got[i]!.data[j]!));
      scale = Math.max(scale, Math.abs(value));
    }
    return difference / scale;
  });
  return Math.max(...errors);
}

// Sums of up to a few thousand products of standard normal numbers in float32: rounding of about sqrt(n) 2^-24.
const accepted = 1e-5;

const devices = [
  { device: 'cpu', title: 'on the CPU', skipped: false },
  missing === undefined
    ? ({ device: 'webgpu', title: 'on WebGPU', skipped: false } as const)
    : ({ device: 'webgpu', title: `on WebGPU, skipped: ${missing}`, skipped: true } as const),
] as const;

for (const { device, title, skipped } of devices) {
  describe.skipIf(skipped)(title, () => {
    beforeAll(async () => {
      onnx = await onnxRuntime({ device, threads: 1 });
    });

    describe('convolutions', () => {
      it.each([
        { kernel: 3, stride: 1, padding: 1, size: 16, channels: [3, 5] },
        { kernel: 3, stride: 1, padding: 1, size: 16, channels: [17, 18] },
        { kernel: 3, stride: 1, padding: 1, size: 6, channels: [17, 18] },
        { kernel: 3, stride: 1, padding: 0, size: 18, channels: [2, 16] },
        { kernel: 3, stride: 1, padding: 2, size: 15, channels: [16, 2] },
        { kernel: 5, stride: 1, padding: 2, size: 17, channels: [2, 3] },
        { kernel: 4, stride: 1, padding: 1, size: 18, channels: [2, 3] },
        { kernel: 1, stride: 1, padding: 0, size: 16, channels: [16, 3] },
        { kernel: 1, stride: 1, padding: 1, size: 6, channels: [3, 3] },
        { kernel: 1, stride: 2, padding: 0, size: 7, channels: [3, 16] },
        { kernel: 3, stride: 2, padding: 1, size: 32, channels: [3, 16] },
        { kernel: 4, stride: 2, padding: 1, size: 9, channels: [16, 3] },
        { kernel: 3, stride: 3, padding: 1, size: 10, channels: [3, 3] },
        { kernel: 3, stride: 1, padding: 1, size: 16, channels: [16, 32] },
        { kernel: 3, stride: 1, padding: 0, size: 6, channels: [32, 16] },
        { kernel: 5, stride: 1, padding: 3, size: 7, channels: [16, 16] },
        { kernel: 4, stride: 2, padding: 1, size: 9, channels: [16, 48] },
        { kernel: 2, stride: 3, padding: 1, size: 10, channels: [48, 16] },
        { kernel: 3, stride: 1, padding: 2, size: 9, channels: [16, 16], dilation: 2 },
        { kernel: 3, stride: 1, padding: 1, size: 8, channels: [24, 40] },
      ])('$kernel x $kernel, stride $stride, padding $padding, $channels channels of $size x $size', async (c) => {
        const { kernel, size, channels, ...options } = c;
        const [inputs, outputs] = channels as [number, number];
        const shapes = [[2, inputs, size, size], [outputs, inputs, kernel, kernel], [outputs]];
        const convolve = (x: Tensor, weight: Tensor, bias: Tensor): Tensor =>
          conv2d(x, weight, options).add(bias.reshape([1, outputs, 1, 1]));
        const valueAndGradients = (...args: Tensor[]): Tensor[] => {
          const [x, weight, bias] = args as [Tensor, Tensor, Tensor];
          const loss = (...at: Tensor[]): Tensor => convolve(at[0]!, at[1]!, at[2]!).square().sum();
          return [convolve(x, weight, bias), ...grad(loss, [x, weight, bias])];
        };
        expect(await error(valueAndGradients, shapes)).toBeLessThan(accepted);
      });
    });

    describe('sums', () => {
      it.each([[[0]], [[1]], [[2]], [[0, 1]], [[1, 2]], [[0, 2]], [[0, 1, 2]]])('over axes %j', async (axes) => {
        expect(await error((x) => [x.sum(axes), x.sum(axes, true)], [[9, 16, 33]])).toBeLessThan(accepted);
      });
    });

    describe('products', () => {
      it.each([{ addend: [1, 8] }, { addend: [16, 1] }, { addend: [16, 8] }, { addend: [1, 1] }, { addend: [] }])(
        'with an addend $addend on either side',
        async ({ addend }) => {
          const f = (a: Tensor, b: Tensor, c: Tensor): Tensor[] => [a.matmul(b).add(c), c.add(a.matmul(b))];
          expect(await error((a, b, c) => f(a, b, c), [[16, 32], [32, 8], addend])).toBeLessThan(accepted);
        },
      );

      it('with an addend that enlarges the product', async () => {
        const f = (a: Tensor, b: Tensor, c: Tensor): Tensor[] => [a.matmul(b).add(c)];
        expect(
          await error(
            (a, b, c) => f(a, b, c),
            [
              [1, 32],
              [32, 8],
              [16, 8],
            ],
          ),
        ).toBeLessThan(accepted);
      });
    });
  });
}

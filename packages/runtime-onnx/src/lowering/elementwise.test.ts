import { hostTensor, type Runtime, type Tensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { onnxRuntime } from '../onnx-runtime.js';

let onnx: Runtime;
beforeAll(async () => {
  onnx = await onnxRuntime({ device: 'cpu', threads: 1 });
});

describe('small results of', () => {
  const x = [-87, -80, -40, -20, -18.5, -17.9, -10, -5, -1, 0, 1, 5, 20, 85];
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
  const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  const functions: Record<string, [(x: Tensor) => Tensor, (x: number) => number]> = {
    sigmoid: [(x) => x.sigmoid(), sigmoid],
    'the logarithm of sigmoid': [(x) => x.sigmoid().log(), (x) => -softplus(-x)],
    'the logarithm of a sigmoid that is wanted too': [
      (x) => x.sigmoid().log().mul(x.sigmoid().mul(0).add(1)),
      (x) => -softplus(-x),
    ],
    softplus: [(x) => x.softplus(), softplus],
  };

  it.each(Object.keys(functions))('%s are right to their last digits', async (name) => {
    const [f, exact] = functions[name]!;
    const { data } = await evaluate(onnx, f, [hostTensor([x.length], Float32Array.from(x))]);
    // Two roundings, of exponential and sum, and one of the argument, if it is rounded, by at most 87 2^-24.
    for (const [i, value] of x.entries()) {
      const wanted = exact(Math.fround(value));
      expect(Math.abs(data[i]! - wanted), `${name}(${value}) = ${data[i]!}`).toBeLessThanOrEqual(
        1e-6 * Math.abs(wanted),
      );
    }
  });

  it('silu, and of its derivative, are off by an error of the last place of x', async () => {
    const f = (x: Tensor): Tensor[] => [x.silu(), x.silu().add(x.sigmoid())];
    const [silu, both] = await evaluate(onnx, f, [hostTensor([x.length], Float32Array.from(x))]);
    for (const [i, value] of x.entries()) {
      const scale = 2e-7 * Math.max(1, Math.abs(value));
      expect(Math.abs(silu!.data[i]! - value * sigmoid(value))).toBeLessThan(scale);
      expect(Math.abs(both!.data[i]! - (value + 1) * sigmoid(value))).toBeLessThan(2 * scale);
    }
  });
});

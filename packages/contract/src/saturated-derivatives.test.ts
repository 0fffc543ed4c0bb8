import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { tfjsRuntime } from '@flowmap/runtime-tfjs';
import {
  gelu,
  geluTanh,
  hostTensor,
  jvp,
  roundTo,
  full,
  vjp,
  type FloatDType,
  type Runtime,
  type Tensor,
} from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { derivatives } from './internal/derivatives.js';

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const slope = (x: number): number => sigmoid(x) * sigmoid(-x);
const curvature = (x: number): number => slope(x) * (sigmoid(-x) - sigmoid(x));

/** A function, and its first and second derivative in double precision without cancellation. */
interface Curve {
  readonly f: (x: Tensor) => Tensor;
  readonly first: (x: number) => number;
  readonly second: (x: number) => number;
}

const curves: Readonly<Record<string, Curve>> = {
  silu: {
    f: (x) => x.silu(),
    first: (x) => sigmoid(x) + x * slope(x),
    second: (x) => 2 * slope(x) + x * curvature(x),
  },
  sigmoid: { f: (x) => x.sigmoid(), first: slope, second: curvature },
  softplus: { f: (x) => x.softplus(), first: sigmoid, second: slope },
  tanh: { f: (x) => x.tanh(), first: (x) => 4 * slope(2 * x), second: (x) => 8 * curvature(2 * x) },
};

const points: Readonly<Record<FloatDType, readonly number[]>> = {
  float32: [-1e30, -80, -20, -9, -1, 0.5, 1, 5, 9, 12, 20, 40, 256, 2049, 1e4, 1e8, 1e30, 3e38],
  bfloat16: [-1e30, -80, -20, -9, -1, 0.5, 1, 5, 9, 12, 20, 40, 256, 258, 1e4, 1e8, 1e30, 3e38],
  float16: [-6e4, -9, -5, -1, 0.5, 1, 5, 9, 256, 2048, 2049, 2050, 6e4],
};

const roundings: Readonly<Record<FloatDType, number>> = { float32: 2 ** -24, bfloat16: 2 ** -9, float16: 2 ** -12 };
const smallest: Readonly<Record<FloatDType, number>> = { float32: 2 ** -126, bfloat16: 2 ** -126, float16: 2 ** -14 };

// Errors are relative to each derivative, however small. Some back ends approximate the sigmoid by a rational function,
// whose error is that of a number near 1; `floor` is the error this leaves.
describe.each<{ name: string; floor: number; dtypes: FloatDType[]; open: () => Promise<Runtime> }>([
  {
    name: 'reference',
    floor: 0,
    dtypes: ['float32', 'bfloat16', 'float16'],
    open: () => Promise.resolve(referenceRuntime()),
  },
  { name: 'tfjs cpu', floor: 0, dtypes: ['float32'], open: () => tfjsRuntime({ backend: 'cpu' }) },
  {
    name: 'onnx',
    floor: 2e-6,
    dtypes: ['float32', 'bfloat16', 'float16'],
    open: () => onnxRuntime({ device: 'cpu', threads: 1 }),
  },
])('derivatives far from zero on $name', ({ floor, dtypes, open }) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await open();
  });

  test.each(dtypes.flatMap((dtype) => Object.keys(curves).map((name) => [name, dtype] as const)))(
    '%s in %s',
    async (name, dtype) => {
      const { f, first, second } = curves[name]!;
      const x = points[dtype].map((value) => (dtype === 'float32' ? Math.fround(value) : roundTo(value, dtype)));
      const results = await evaluate(runtime, (x) => derivatives(f, x), [hostTensor([x.length], x, dtype)]);
      for (const [label, { data }] of Object.entries(results)) {
        x.forEach((x, i) => {
          const wanted = label.includes('of') ? second(x) : first(x);
          // About ten operations with one rounding each; numbers below the smallest normal one may vanish. Where terms
          // of a second derivative cross zero, the size of one term counts.
          const size = Math.max(Math.abs(wanted), label.includes('of') ? slope(x) : 0);
          const accepted = 20 * roundings[dtype] * size + 20 * smallest[dtype] + floor;
          expect(Math.abs(data[i]! - wanted), `${label} at ${x}: wanted ${wanted}, got ${data[i]}`).toBeLessThanOrEqual(
            accepted,
          );
        });
      }
    },
  );

  test.each(dtypes)('those of both GELUs are 0 and 1 in %s', async (dtype) => {
    const x = dtype === 'float16' ? [-6e4, -300, 300, 4e4, 6e4] : [-1e9, -300, 300, 4e4, 1e9];
    for (const f of [gelu, geluTanh]) {
      const results = await evaluate(runtime, (x) => ({ value: f(x), ...derivatives(f, x) }), [
        hostTensor([x.length], x, dtype),
      ]);
      for (const [label, { data }] of Object.entries(results)) {
        const wanted = x.map((x) => (x < 0 || label.includes('of') ? 0 : label === 'value' ? x : 1));
        const exact = wanted.map((value) => roundTo(value, dtype));
        exact.forEach((value, i) => expect(data[i], `${label} at ${x[i]}`).toBeCloseTo(value, 6));
      }
    }
  });

  test.each(dtypes)('GELU holds the largest numbers of %s', async (dtype) => {
    const x = dtype === 'float16' ? [65504, 40000] : [3e38, 2e38];
    const { data } = await evaluate(runtime, gelu, [hostTensor([2], x, dtype)]);
    x.forEach((value, i) => expect(data[i]! / value).toBeCloseTo(1, 2));
  });

  test.each(dtypes)('softmax passes nothing on of what its cotangents have in common, in %s', async (dtype) => {
    const x = hostTensor([1, 4], [0, 0.3, 1, -2], dtype);
    const results = await evaluate(
      runtime,
      (x) => {
        const v = full(100, [1, 4], dtype);
        const f = (x: Tensor): Tensor => x.softmax();
        return [jvp(f, [x], [v])[1], vjp(f, [x])[1](v)[0]!];
      },
      [x],
    );
    // 100 times the rounding error of a sum of probabilities in float32.
    for (const { data } of results) data.forEach((value) => expect(Math.abs(value)).toBeLessThan(1e-4));
  });
});

test('70,000 equal maxima share the derivative, more than float16 can count', async () => {
  const count = 70_000;
  const ones = hostTensor([count], new Float32Array(count).fill(1), 'float16');
  const { data } = await evaluate(
    referenceRuntime(),
    (x) => vjp((x) => x.max(), [x])[1](full(4096, [], 'float16'))[0]!,
    [ones],
  );
  expect(data[0]).toBeCloseTo(4096 / count, 3);
});

import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { tfjsRuntime } from '@flowmap/runtime-tfjs';
import {
  full,
  gelu,
  geluTanh,
  hostTensor,
  resize2d,
  roundTo,
  vjp,
  type FloatDType,
  type Runtime,
} from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { derivatives } from './internal/derivatives.js';

const everyFloat: FloatDType[] = ['float32', 'bfloat16', 'float16'];

describe.each<{ name: string; dtypes: FloatDType[]; open: () => Promise<Runtime> }>([
  { name: 'reference', dtypes: everyFloat, open: () => Promise.resolve(referenceRuntime()) },
  { name: 'tfjs cpu', dtypes: ['float32'], open: () => tfjsRuntime({ backend: 'cpu' }) },
  { name: 'tfjs wasm', dtypes: ['float32'], open: () => tfjsRuntime({ backend: 'wasm' }) },
  { name: 'onnx', dtypes: everyFloat, open: () => onnxRuntime({ device: 'cpu', threads: 1 }) },
])('at the ends of the range on $name', ({ dtypes, open }) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await open();
  });

  test.each(dtypes)('the adjoint of a square is finite wherever its result is, in %s', async (dtype) => {
    const large = dtype === 'float16' ? 60_000 : 3e38;
    const cotangents = [0.25, 2 ** -12, -0.5, 0];
    const x = hostTensor([4], [large, -large, large, large], dtype);
    const [adjoint, scaled] = await evaluate(
      runtime,
      (x, g) => [
        vjp((x) => x.square(), [x])[1](g)[0]!,
        // For one element of the mean of squares, whose cotangent is a number.
        vjp((x) => x.square().mul(0.25).sum(), [x])[1](full(1, [], dtype))[0]!,
      ],
      [x, hostTensor([4], cotangents, dtype)],
    );
    const ends = Array.from(x.data);
    ends.forEach((end, i) => {
      const wanted = [roundTo(2 * end * cotangents[i]!, dtype), end / 2];
      [adjoint!, scaled!].forEach(({ data }, j) => {
        // Two rounding errors of bfloat16.
        expect(Math.abs(data[i]! - wanted[j]!)).toBeLessThanOrEqual(2 ** -7 * Math.abs(wanted[j]!));
      });
    });
  });

  test.each(dtypes)('derivatives of erf and erfc vanish there in %s', async (dtype) => {
    const large = dtype === 'float16' ? 65_504 : 3e38;
    const x = hostTensor([6], [-Infinity, -large, -large / 2, large / 2, large, Infinity], dtype);
    const results = await evaluate(
      runtime,
      (x) => ({
        ...derivatives((x) => x.erf(), x),
        ...Object.fromEntries(Object.entries(derivatives((x) => x.erfc(), x)).map(([label, y]) => [`${label}, c`, y])),
      }),
      [x],
    );
    for (const [label, { data }] of Object.entries(results)) {
      expect(
        Array.from(data, (value) => value + 0),
        label,
      ).toEqual([0, 0, 0, 0, 0, 0]);
    }
  });

  test.each(dtypes)('NaN has derivatives NaN of smooth functions in %s', async (dtype) => {
    const smooth = [gelu, geluTanh, ...(['erf', 'erfc', 'silu', 'tanh', 'exp', 'sin'] as const)].map((f) =>
      typeof f === 'string' ? (x: Parameters<typeof gelu>[0]) => x[f]() : f,
    );
    const results = await evaluate(
      runtime,
      (x) => smooth.flatMap((f) => [f(x), ...Object.values(derivatives(f, x)).slice(0, 2)]),
      [hostTensor([2], [NaN, 0.5], dtype)],
    );
    for (const { data } of results) {
      expect(data[0]).toBeNaN();
      expect(data[1]).toBeTypeOf('number');
      expect(data[1]).not.toBeNaN();
    }
  });

  // PyTorch gives the same. A select in the derivative would give 1 and 0, and make training steps 3 to 4 % longer.
  test.each(dtypes)('silu of infinity, and its derivatives, in %s', async (dtype) => {
    const x = hostTensor([2], [-Infinity, Infinity], dtype);
    const results = await evaluate(runtime, (x) => ({ value: x.silu(), ...derivatives((x) => x.silu(), x) }), [x]);
    for (const [label, { data }] of Object.entries(results)) {
      expect(Array.from(data), label).toEqual(label === 'value' ? [NaN, Infinity] : [NaN, NaN]);
    }
  });

  // A product with weights, most of them 0, and 0 times NaN is NaN.
  test.each(dtypes)('resize2d spreads NaN and infinities over their plane, and no further, in %s', async (dtype) => {
    const places: Readonly<Record<number, number>> = { 5: NaN, 41: Infinity };
    const x = Array.from({ length: 2 * 3 * 12 }, (_, i) => places[i] ?? (i % 7) / 4);
    const [nearest, bilinear, repeated] = await evaluate(
      runtime,
      (x) => [
        resize2d(x, [5, 2], 'nearest'),
        resize2d(x, [5, 2], 'bilinear'),
        // With a whole factor, pixels are repeated.
        resize2d(x, [6, 8], 'nearest'),
      ],
      [hostTensor([2, 3, 3, 4], x, dtype)],
    );
    const open = (data: ArrayLike<number>, size: number): number[] =>
      Array.from({ length: 6 }, (_, plane) => {
        const pixels = Array.from(data).slice(plane * size, (plane + 1) * size);
        return pixels.filter((value) => !Number.isFinite(value)).length;
      });
    expect(open(nearest!.data, 10)).toEqual([10, 0, 0, 10, 0, 0]);
    expect(open(bilinear!.data, 10)).toEqual([10, 0, 0, 10, 0, 0]);
    expect(open(repeated!.data, 48)).toEqual([4, 0, 0, 4, 0, 0]);
  });
});

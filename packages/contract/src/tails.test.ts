import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { tfjsRuntime } from '@flowmap/runtime-tfjs';
import {
  full,
  gelu,
  geluTanh,
  hostTensor,
  logSigmoid,
  logSoftmax,
  logSumExp,
  roundTo,
  vjp,
  type FloatDType,
  type Runtime,
  type Tensor,
} from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { derivatives } from './internal/derivatives.js';

const density = (x: number): number => Math.exp(-(x ** 2) / 2) / Math.sqrt(2 * Math.PI);

/**
 * The normal distribution with accurate tails: `Q(z) = density(z) int_0^oo exp(-z t - t^2 / 2) dt`, by Simpson's rule.
 */
function distribution(x: number): number {
  const z = Math.abs(x);
  const [count, end] = [4000, 12];
  let sum = 0;
  for (let i = 0; i <= count; i++) {
    const t = (i * end) / count;
    const weight = i === 0 || i === count ? 1 : i % 2 === 0 ? 2 : 4;
    sum += weight * Math.exp(-z * t - t ** 2 / 2);
  }
  const tail = (density(z) * sum * end) / count / 3;
  return x < 0 ? tail : 1 - tail;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** A function with its value and its derivatives in double precision, in which nothing cancels. */
interface Curve {
  readonly f: (x: Tensor) => Tensor;
  readonly value: (x: number) => number;
  readonly first: (x: number) => number;
  readonly second: (x: number) => number;
  /** The size of a derivative's terms where they cross zero. */
  readonly size: (x: number) => number;
  /** How many roundings a rounding of x counts for. */
  readonly condition: (x: number) => number;
}

const curves: Readonly<Record<string, Curve>> = {
  gelu: {
    f: gelu,
    value: (x) => x * distribution(x),
    first: (x) => distribution(x) + x * density(x),
    second: (x) => (2 - x ** 2) * density(x),
    size: (x) => density(x),
    condition: (x) => 1 + x ** 2,
  },
  logSigmoid: {
    f: logSigmoid,
    value: (x) => -Math.log1p(Math.exp(-Math.abs(x))) + Math.min(x, 0),
    first: (x) => sigmoid(-x),
    second: (x) => -sigmoid(x) * sigmoid(-x),
    size: () => 0,
    condition: (x) => 1 + Math.abs(x),
  },
};

const points: Readonly<Record<FloatDType, readonly number[]>> = {
  float32: [-1e30, -100, -30, -12, -9, -5.5, -3, -1, -0.1, 0, 0.1, 1, 3, 5.5, 12, 30, 100, 1e30],
  bfloat16: [-1e30, -100, -12, -5.5, -3, -1, 0, 0.125, 1, 3, 5.5, 12, 100, 1e30],
  float16: [-6e4, -100, -12, -5.5, -3, -1, 0, 0.125, 1, 3, 5.5, 12, 100, 6e4],
};
const roundings: Readonly<Record<FloatDType, number>> = { float32: 2 ** -24, bfloat16: 2 ** -9, float16: 2 ** -12 };
const smallest: Readonly<Record<FloatDType, number>> = { float32: 2 ** -126, bfloat16: 2 ** -126, float16: 2 ** -14 };

describe.each<{ name: string; dtypes: FloatDType[]; open: () => Promise<Runtime> }>([
  { name: 'reference', dtypes: ['float32', 'bfloat16', 'float16'], open: () => Promise.resolve(referenceRuntime()) },
  { name: 'tfjs cpu', dtypes: ['float32'], open: () => tfjsRuntime({ backend: 'cpu' }) },
  { name: 'tfjs wasm', dtypes: ['float32'], open: () => tfjsRuntime({ backend: 'wasm' }) },
  {
    name: 'onnx',
    dtypes: ['float32', 'bfloat16', 'float16'],
    open: () => onnxRuntime({ device: 'cpu', threads: 1 }),
  },
])('small numbers have all digits on $name', { timeout: 120_000 }, ({ dtypes, open }) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await open();
  }, 60_000);

  test.each(dtypes.flatMap((dtype) => Object.keys(curves).map((name) => [name, dtype] as const)))(
    '%s in %s',
    async (name, dtype) => {
      const { f, value, first, second, size, condition } = curves[name]!;
      const x = points[dtype].map((point) => (dtype === 'float32' ? Math.fround(point) : roundTo(point, dtype)));
      const results = await evaluate(runtime, (x) => ({ value: f(x), ...derivatives(f, x) }), [
        hostTensor([x.length], x, dtype),
      ]);
      for (const [label, { data }] of Object.entries(results)) {
        x.forEach((x, i) => {
          const wanted = label === 'value' ? value(x) : label.includes('of') ? second(x) : first(x);
          const terms = Math.max(Math.abs(wanted), label === 'value' ? 0 : size(x));
          // About ten operations and an exponential, as roundings of x; numbers below the smallest normal one may
          // vanish.
          const accepted = 20 * roundings[dtype] * condition(x) * terms + 20 * smallest[dtype];
          const text = `${label} at ${x}: wanted ${wanted}, got ${data[i]}`;
          expect(Math.abs(data[i]! - wanted), text).toBeLessThanOrEqual(Math.min(accepted, 1e30));
        });
      }
    },
  );

  test.each(dtypes)('activations and their derivatives at infinity in %s', async (dtype) => {
    const x = hostTensor([3], [-Infinity, Infinity, NaN], dtype);
    for (const f of [gelu, geluTanh]) {
      const results = await evaluate(runtime, (x) => ({ value: f(x), ...derivatives(f, x) }), [x]);
      for (const [label, { data }] of Object.entries(results)) {
        const wanted = label === 'value' ? [0, Infinity] : label.includes('of') ? [0, 0] : [0, 1];
        expect(Array.from(data, (value) => value + 0).slice(0, 2), label).toEqual(wanted);
      }
      expect(results['value'].data[2]).toBeNaN();
    }
  });

  test.each(dtypes)('derivatives of geluTanh where its powers overflow, in %s', async (dtype) => {
    const x = dtype === 'float16' ? [-6e4, 6e4] : [-3e38, -1e20, -1e10, 1e10, 1e20, 3e38];
    const results = await evaluate(runtime, (x) => derivatives(geluTanh, x), [hostTensor([x.length], x, dtype)]);
    for (const [label, { data }] of Object.entries(results)) {
      const wanted = x.map((x) => (x < 0 || label.includes('of') ? 0 : 1));
      expect(
        Array.from(data, (value) => value + 0),
        label,
      ).toEqual(wanted);
    }
  });

  test.each(dtypes)('the logarithm of a sigmoid that is 0 in %s', async (dtype) => {
    const x = hostTensor([3], [-100, -60000, 100], dtype);
    const { data } = await evaluate(runtime, (x) => x.sigmoid().log(), [x]);
    const limit = 20 * roundings[dtype];
    [-100, -60000].forEach((wanted, i) => expect(Math.abs(data[i]! / roundTo(wanted, dtype) - 1)).toBeLessThan(limit));
    expect(Math.abs(data[2]!)).toBeLessThan(1e-7);
  });

  test.each(dtypes)('sums of exponentials of infinities in %s', async (dtype) => {
    const rows = [
      [-Infinity, -Infinity, -Infinity],
      [-Infinity, 2, -Infinity],
      [1, Infinity, -Infinity],
      [NaN, 0, 0],
    ];
    const x = hostTensor([4, 3], rows.flat(), dtype);
    const { data } = await evaluate(runtime, (x) => logSumExp(x, [1]), [x]);
    expect(Array.from(data)).toEqual([-Infinity, 2, Infinity, NaN]);
    const masked = hostTensor([1, 3], [-Infinity, 0, 0], dtype);
    const [logarithm, gradient] = await evaluate(
      runtime,
      (x) => [logSoftmax(x), vjp(logSoftmax, [x])[1](full(1, [1, 3], dtype))[0]!],
      [masked],
    );
    const half = roundTo(-Math.LN2, dtype);
    [-Infinity, half, half].forEach((wanted, i) =>
      wanted === -Infinity
        ? expect(logarithm!.data[i]).toBe(wanted)
        : expect(Math.abs(logarithm!.data[i]! - wanted)).toBeLessThan(1e-2),
    );
    [1, -0.5, -0.5].forEach((wanted, i) => expect(gradient!.data[i]).toBeCloseTo(wanted, 6));
  });

  test('the derivative of logSoftmax at an entry that is nearly 1', async () => {
    for (const distance of [10, 20, 40, 80]) {
      const x = hostTensor([1, 3], [0, -distance, -distance - 1]);
      const cross = (x: Tensor): Tensor => logSoftmax(x).slice([0, 0], [1, 1]);
      const results = await evaluate(
        runtime,
        (x) => {
          const gradient = (x: Tensor): Tensor => vjp(cross, [x])[1](full(1, [1, 1]))[0]!;
          return {
            gradient: gradient(x),
            second: vjp(gradient, [x])[1](full(1, [1, 3]).mul(x.equal(0).cast('float32')))[0]!,
          };
        },
        [x],
      );
      // 1 - p and -(1 - p) p of the first entry, with respect to its logit.
      const others = Math.exp(-distance) * (1 + Math.exp(-1));
      const rest = others / (1 + others);
      expect(Math.abs(results.gradient.data[0]! / rest - 1)).toBeLessThan(1e-5);
      expect(Math.abs(results.second.data[0]! / (-rest * (1 - rest)) - 1)).toBeLessThan(1e-5);
    }
  });
});

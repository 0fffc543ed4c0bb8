import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { tfjsRuntime } from '@flowmap/runtime-tfjs';
import { hostTensor, isHalf, roundTo, type DType, type Runtime, type Tensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { beforeAll, describe, expect, test } from 'vitest';

interface Known {
  readonly name: string;
  readonly f: (...xs: Tensor[]) => Tensor;
  readonly args: readonly (readonly number[])[];
  readonly wanted: number;
}

/** Programs whose values would be lost in an algebraically equal form, in a dtype with the range of float32. */
const wide: readonly Known[] = [
  { name: 'a sum of quarters', f: (x) => x.mul(0.25).sum(), args: [[2e38, 2e38, 2e38, 2e38]], wanted: 2e38 },
  { name: 'a sum of quotients', f: (x) => x.div(4).sum(), args: [[2e38, 2e38, 2e38, 2e38]], wanted: 2e38 },
  { name: 'x / 1e30 times x', f: (x) => x.mul(1e-30).mul(x), args: [[1e30]], wanted: 1e30 },
  { name: '1e30 x times x', f: (x) => x.mul(1e30).mul(x), args: [[1e-30]], wanted: 1e-30 },
  { name: 'a row times a large factor', f: (x, row) => x.mul(row.sum()).mul(1e30), args: [[1e-30, 0], [1e30, 0]], wanted: 1e30 }, // prettier-ignore
  { name: 'a guard after terms that cancel', f: (x, a) => x.add(a).add(1e-8), args: [[1e4], [-1e4]], wanted: 1e-8 },
  { name: 'its logarithm', f: (x, a) => x.add(a).add(1e-8).log(), args: [[1e4], [-1e4]], wanted: Math.log(1e-8) },
  { name: 'a small term between large ones', f: (x, a) => x.sub(a).sub(1e-8), args: [[3e38], [3e38]], wanted: -1e-8 },
];

const narrow: readonly Known[] = [
  { name: 'a sum of quarters', f: (x) => x.mul(0.25).sum(), args: [[4e4, 4e4, 4e4, 4e4]], wanted: 4e4 },
  { name: 'x / 2^10 times x', f: (x) => x.mul(2 ** -10).mul(x), args: [[2 ** 12]], wanted: 2 ** 14 },
  { name: 'a guard after terms that cancel', f: (x, a) => x.add(a).add(1e-3), args: [[1e4], [-1e4]], wanted: 1e-3 },
];

describe.each<{ name: string; dtypes: DType[]; open: () => Promise<Runtime> }>([
  { name: 'reference', dtypes: ['float32', 'bfloat16', 'float16'], open: () => Promise.resolve(referenceRuntime()) },
  { name: 'tfjs cpu', dtypes: ['float32'], open: () => tfjsRuntime({ backend: 'cpu' }) },
  { name: 'tfjs wasm', dtypes: ['float32'], open: () => tfjsRuntime({ backend: 'wasm' }) },
  { name: 'onnx', dtypes: ['float32', 'bfloat16', 'float16'], open: () => onnxRuntime({ device: 'cpu', threads: 1 }) },
])('values at the ends of the range on $name', ({ dtypes, open }) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await open();
  });

  const cases = dtypes.flatMap((dtype) => (dtype === 'float16' ? narrow : wide).map((known) => ({ ...known, dtype })));
  test.each(cases)('$name in $dtype', async ({ f, args, wanted, dtype }) => {
    const feeds = args.map((values) => hostTensor([values.length], values, dtype));
    const { data } = await evaluate(runtime, f, feeds);
    const rounding = isHalf(dtype) ? 2 ** -8 : 1e-6;
    expect(Math.abs(data[0]! / roundTo(wanted, dtype) - 1)).toBeLessThan(4 * rounding);
  });
});

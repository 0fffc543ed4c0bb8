import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { tfjsRuntime } from '@flowmap/runtime-tfjs';
import {
  hostTensor,
  input,
  isFloat,
  roundTo,
  type DType,
  type FloatDType,
  type HostTensor,
  type Runtime,
  type Shape,
  type Tensor,
} from '@flowmap/tensor';
import { disagreements, evaluate, mismatch, normal, tolerances, type Case } from '@flowmap/tensor/testing';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { allDerivatives } from './random/derivatives.js';
import { families } from './random/families.js';
import { largeFamilies } from './random/large.js';
import { inHalf, withSpecials, type Special } from './random/variants.js';

const oracle = referenceRuntime();

/** The values of all cases, computed by one program. */
async function valuesOf(cases: readonly Case[], runtime: Runtime): Promise<HostTensor[]> {
  const samples = cases.flatMap(({ args }, i) => args.map((sample, j) => sample.draw(10 * i + j)));
  return evaluate(
    runtime,
    (...xs) => {
      const rest = xs.values();
      return cases.map(({ args, f }) => f(...args.map(() => rest.next().value!)));
    },
    samples,
  );
}

/**
 * Families that only move, choose or compare numbers, except for a square or product that gives them second
 * derivatives.
 */
const moving = ['moved', 'joined', 'cut', 'selection'];

/**
 * The special numbers of a family: powers of the largest ones overflow on the way, and in products of several, the
 * smallest may or may not become zero.
 */
function kindsOf(family: string): readonly Special[] {
  if (family === 'cut') return ['open'];
  return family === 'moved' ? ['open', 'smallest'] : ['open', 'largest', 'smallest'];
}

/** Accepted relative errors: a few roundings. */
const digits: Readonly<Record<FloatDType, number>> = { float32: 2 ** -20, float16: 2 ** -8, bfloat16: 2 ** -5 };
const smallestNormal: Readonly<Record<FloatDType, number>> = {
  float32: 2 ** -126,
  float16: 2 ** -14,
  bfloat16: 2 ** -126,
};

const ordinary = (shape: Shape, dtype: DType, seed: number): HostTensor =>
  hostTensor(shape, normal(shape).draw(seed).data, dtype);

/**
 * Where values or derivatives differ, element by element, from the oracle's rounded to the dtype. Around the smallest
 * normal number they may be zero, as their factors were before doubling.
 */
async function specialDifferences(cases: readonly Case[], runtime: Runtime): Promise<string[]> {
  const labels: string[] = [];
  const samples = cases.flatMap(({ args, f }, i) => {
    const result = f(...args.map(({ shape, dtype }) => input('x', shape, dtype)));
    const xs = args.map((sample, j) => sample.draw(10 * i + j));
    const vs = args.filter(({ dtype }) => isFloat(dtype)).map(({ shape, dtype }, j) => ordinary(shape, dtype, j));
    const u = ordinary(result.shape, isFloat(result.dtype) ? result.dtype : 'float32', i);
    return [...xs, ...vs, u];
  });
  const build = (...tensors: Tensor[]): Tensor[] => {
    const rest = tensors.values();
    const next = (): Tensor => rest.next().value!;
    labels.length = 0;
    return cases.flatMap(({ name, args, f }) => {
      const xs = args.map(next);
      const vs = args.filter(({ dtype }) => isFloat(dtype)).map(next);
      return allDerivatives(f, xs, vs, next()).map(([label, tensor]) => {
        labels.push(`${name}: ${label}`);
        return tensor;
      });
    });
  };
  const [got, wanted] = [await evaluate(runtime, build, samples), await evaluate(oracle, build, samples)];
  return labels.flatMap((label, i) => {
    const { dtype, data } = wanted[i]!;
    const wrong = Array.from(data).findIndex((value, at) => !agrees(got[i]!.data[at]!, value, dtype));
    return wrong < 0 ? [] : [`${label}: ${data[wrong]!} became ${got[i]!.data[wrong]!}`];
  });
}

function agrees(got: number, exact: number, dtype: DType): boolean {
  if (!isFloat(dtype)) return got === exact;
  const wanted = dtype === 'float32' ? Math.fround(exact) : roundTo(exact, dtype);
  if (!Number.isFinite(wanted)) return Object.is(got, wanted);
  return Math.abs(got - wanted) <= digits[dtype] * Math.abs(wanted) + 8 * smallestNormal[dtype];
}

// The tolerances are those of the contract's own cases, which have the same sizes.
describe.each<{ name: string; open: () => Promise<Runtime> }>([
  { name: 'onnx', open: () => onnxRuntime({ device: 'cpu', threads: 1 }) },
  { name: 'tfjs cpu', open: () => tfjsRuntime({ backend: 'cpu' }) },
])('the $name runtime agrees with the reference', ({ open }) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await open();
  });

  test.each(Object.entries({ ...families, ...largeFamilies }))('on random cases: %s', async (name, family) => {
    // All cases form one program, so they cost one compilation.
    const cases = fc.sample(family, { seed: 1, numRuns: name in families ? 25 : 8 });
    expect(await disagreements(name, cases, runtime, oracle, 1)).toEqual([]);
    // Without derivatives, which use intermediate results, runtimes fuse more.
    const [got, wanted] = [await valuesOf(cases, runtime), await valuesOf(cases, oracle)];
    const wrong = cases.map(({ name }, i) => `${name}: ${mismatch(got[i]!, wanted[i]!, tolerances.float32[0]) ?? ''}`);
    expect(wrong.filter((text) => !text.endsWith(': '))).toEqual([]);
  });

  // For cases that only move, choose or compare numbers: a number multiplied by zero on the way would be NaN.
  test.each(moving)('on special values: %s', async (name) => {
    const cases = fc
      .sample(families[name]!, { seed: 3, numRuns: 25 })
      .map((case_) => withSpecials(case_, kindsOf(name)));
    expect(await specialDifferences(cases, runtime)).toEqual([]);
  });
});

describe.each(['float16', 'bfloat16'] as const)('the onnx runtime agrees with the reference in %s', (half) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await onnxRuntime({ device: 'cpu', threads: 1 });
  });

  test.each(Object.entries(families))('on random cases: %s', async (name, family) => {
    const cases = fc.sample(family, { seed: 4, numRuns: 6 }).map((case_) => inHalf(half, case_));
    expect(await disagreements(name, cases, runtime, oracle, 1)).toEqual([]);
  });

  test.each(moving)('on special values: %s', { timeout: 120_000 }, async (name) => {
    const drawn = fc.sample(families[name]!, { seed: 5, numRuns: 8 });
    const cases = drawn.map((case_) => withSpecials(inHalf(half, case_), kindsOf(name)));
    expect(await specialDifferences(cases, runtime)).toEqual([]);
  });
});

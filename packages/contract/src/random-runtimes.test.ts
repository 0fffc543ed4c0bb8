import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { tfjsRuntime } from '@flowmap/runtime-tfjs';
import {
  hostTensor,
  input,
  isFloat,
  program,
  roundTo,
  type DType,
  type FloatDType,
  type HostTensor,
  type Program,
  type Runtime,
  type Shape,
  type Tensor,
} from '@flowmap/tensor';
import {
  disagreements,
  halfTolerances,
  mismatch,
  normal,
  specialLimitOf,
  tolerances,
  type Case,
} from '@flowmap/tensor/testing';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { allDerivatives } from './random/derivatives.js';
import { families } from './random/families.js';
import { largeFamilies } from './random/large.js';
import { specialProgramLimits, specialRules, type SpecialRule } from './random/special-rules.js';
import { inHalf, withSpecials } from './random/variants.js';

const oracle = referenceRuntime();

/** A program without state, its inputs and its results in their order. */
interface Traced {
  readonly program: Program;
  readonly samples: readonly HostTensor[];
}

function traced(samples: readonly HostTensor[], build: (...tensors: Tensor[]) => readonly Tensor[]): Traced {
  const inputs = named('x', samples);
  const built = program('cases', { inputs }, (tensors) => ({
    outputs: named('y', build(...samples.map((_, i) => tensors[`x${i}`]!))),
  }));
  return { program: built, samples };
}

const named = <T>(name: string, values: readonly T[]): Record<string, T> =>
  Object.fromEntries(values.map((value, i) => [`${name}${i}`, value]));

/** The results of a program for each of several lists of inputs, compiled once. */
async function resultsOf(
  runtime: Runtime,
  program: Program,
  ...runs: readonly (readonly HostTensor[])[]
): Promise<HostTensor[][]> {
  const executable = await runtime.compile(program);
  const results: HostTensor[][] = [];
  for (const samples of runs) {
    const outputs = await executable.run(named('x', samples));
    results.push(await Promise.all(Object.keys(program.outputs).map((name) => outputs[name]!.read())));
    for (const tensor of Object.values(outputs)) tensor.dispose();
  }
  await executable.dispose();
  return results;
}

/** All cases as one program. */
function valuesOf(cases: readonly Case[]): Traced {
  const samples = cases.flatMap(({ args }, i) => args.map((sample, j) => sample.draw(10 * i + j)));
  return traced(samples, (...xs) => {
    const rest = xs.values();
    return cases.map(({ args, f }) => f(...args.map(() => rest.next().value!)));
  });
}

/** Accepted relative errors of a number: some rounding errors. */
const digits: Readonly<Record<FloatDType, number>> = { float32: 2 ** -20, float16: 2 ** -8, bfloat16: 2 ** -5 };
const smallestNormal: Readonly<Record<FloatDType, number>> = {
  float32: 2 ** -126,
  float16: 2 ** -14,
  bfloat16: 2 ** -126,
};
/** Up to these magnitudes, squares are far from overflow. */
const ordinarySize: Readonly<Record<FloatDType, number>> = { float32: 1e15, float16: 100, bfloat16: 1e15 };

const ordinary = (shape: Shape, dtype: DType, seed: number): HostTensor =>
  hostTensor(shape, normal(shape).draw(seed).data, dtype);

const inDType = (exact: number, dtype: FloatDType): number =>
  dtype === 'float32' ? Math.fround(exact) : roundTo(exact, dtype);

/** The tensor with zeros for denormal numbers. */
function flush(tensor: HostTensor): HostTensor {
  const { dtype, shape, data } = tensor;
  if (!isFloat(dtype)) return tensor;
  return hostTensor(
    shape,
    Array.from(data, (value: number) => (Math.abs(value) < smallestNormal[dtype] ? 0 * value : value)),
    dtype,
  );
}

/**
 * Where values or derivatives of cases with special numbers differ element by element from the oracle's, by the
 * family's rule: NaN must be NaN and an infinity the same infinity; numbers beyond the dtype's range must not be
 * finite, and those within it must be within the rule's error. A runtime may treat denormal numbers as zeros.
 */
async function specialDifferences(
  { labels, program, samples, wanted, flushed }: SpecialCases,
  { relativeTo }: SpecialRule,
  runtime: Runtime,
): Promise<string[]> {
  const [got] = await resultsOf(runtime, program, samples);
  return labels.flatMap((label, i) => {
    const { dtype, data } = wanted[i]!;
    const error = isFloat(dtype) && relativeTo === 'largest' ? acceptedError(data, dtype) : 0;
    const differences = Array.from(data, (value: number, at) => {
      const found = got![i]!.data[at]!;
      const agrees = [value, flushed[i]!.data[at]!].some((exact) => isRight(found, exact, dtype, error));
      return agrees ? '' : `${label}: ${value} became ${found}`;
    });
    const wrong = differences.find((text) => text !== '' && !specialLimitOf(runtime.name, text, specialProgramLimits));
    return wrong === undefined ? [] : [wrong];
  });
}

/** Cases with special numbers and all their derivatives, and what the oracle makes of them. */
interface SpecialCases extends Traced {
  /** The meaning of each result. */
  readonly labels: readonly string[];
  readonly wanted: readonly HostTensor[];
  /** With zeros for denormal numbers among the inputs. */
  readonly flushed: readonly HostTensor[];
}

async function withOracle(cases: readonly Case[], { kinds }: SpecialRule): Promise<SpecialCases> {
  const labels: string[] = [];
  const special = cases.map((case_) => withSpecials(case_, kinds));
  const samples = special.flatMap(({ args, f }, i) => {
    const result = f(...args.map(({ shape, dtype }) => input('x', shape, dtype)));
    const xs = args.map((sample, j) => sample.draw(10 * i + j));
    const vs = args.filter(({ dtype }) => isFloat(dtype)).map(({ shape, dtype }, j) => ordinary(shape, dtype, j));
    const u = ordinary(result.shape, isFloat(result.dtype) ? result.dtype : 'float32', i);
    return [...xs, ...vs, u];
  });
  const built = traced(samples, (...tensors) => {
    const rest = tensors.values();
    const next = (): Tensor => rest.next().value!;
    return special.flatMap(({ name, args, f }) => {
      const xs = args.map(next);
      const vs = args.filter(({ dtype }) => isFloat(dtype)).map(next);
      return allDerivatives(f, xs, vs, next()).map(([label, tensor]) => {
        labels.push(`${name}: ${label}`);
        return tensor;
      });
    });
  });
  const [wanted, flushed] = await resultsOf(oracle, built.program, samples, samples.map(flush));
  return { ...built, labels, wanted: wanted!, flushed: flushed! };
}

/** The contract's tolerance for second derivatives of the largest number of ordinary size, or of 1. */
function acceptedError(wanted: ArrayLike<number>, dtype: FloatDType): number {
  const sizes = Array.from(wanted, Math.abs).filter((size) => size < ordinarySize[dtype]);
  const tolerance = dtype === 'float32' ? tolerances.float32[2] : halfTolerances[dtype][2];
  return tolerance * Math.max(1, ...sizes);
}

function isRight(got: number, exact: number, dtype: DType, error: number): boolean {
  if (!isFloat(dtype)) return got === exact;
  if (!Number.isFinite(exact)) return Object.is(got, exact);
  const wanted = inDType(exact, dtype);
  if (!Number.isFinite(wanted)) return !Number.isFinite(got);
  // Around the smallest normal number results may be zero, since their factors were zero before they were
  // doubled.
  return Math.abs(got - wanted) <= error + digits[dtype] * Math.abs(wanted) + 8 * smallestNormal[dtype];
}

const ruled = specialRules.flatMap((rule) => rule.families.map((name) => [name, rule] as const));

test('every family has a rule for special numbers, but that of whole numbers, which has none', () => {
  const names = ruled.map(([name]) => name);
  expect([...names, 'whole numbers'].sort()).toEqual(Object.keys(families).sort());
});

/** A function by name whose results are made once. */
function once<Args extends unknown[], Result>(
  make: (name: string, ...args: Args) => Promise<Result>,
): (name: string, ...args: Args) => Promise<Result> {
  const made = new Map<string, Promise<Result>>();
  return (name, ...args) => {
    const result = made.get(name) ?? make(name, ...args);
    made.set(name, result);
    return result;
  };
}

// What the oracle makes of the cases that all runtimes have.
const special = once((name, rule: SpecialRule) =>
  withOracle(fc.sample(families[name]!, { seed: 3, numRuns: 10 }), rule),
);
const values = once(async (_, cases: readonly Case[]) => {
  const built = valuesOf(cases);
  const [wanted] = await resultsOf(oracle, built.program, built.samples);
  return { ...built, wanted: wanted! };
});

// The tolerances are those of the contract's own cases, which have the same sizes.
describe.each<{ name: string; open: () => Promise<Runtime> }>([
  { name: 'onnx', open: () => onnxRuntime({ device: 'cpu', threads: 1 }) },
  { name: 'tfjs cpu', open: () => tfjsRuntime({ backend: 'cpu' }) },
  { name: 'tfjs wasm', open: () => tfjsRuntime({ backend: 'wasm' }) },
])('the $name runtime agrees with the reference', ({ open }) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await open();
  });

  test.each(Object.entries({ ...families, ...largeFamilies }))('on random cases: %s', async (name, family) => {
    // All cases form one program, so they cost one compilation.
    const cases = fc.sample(family, { seed: 1, numRuns: name in families ? 16 : 8 });
    expect(await disagreements(name, cases, runtime, oracle, 1)).toEqual([]);
    // Without derivatives, which use intermediate results, runtimes fuse more.
    const { program, samples, wanted } = await values(name, cases);
    const [got] = await resultsOf(runtime, program, samples);
    const wrong = cases.map(({ name }, i) => `${name}: ${mismatch(got![i]!, wanted[i]!, tolerances.float32[0]) ?? ''}`);
    expect(wrong.filter((text) => !text.endsWith(': '))).toEqual([]);
  });

  test.each(ruled)('on special values: %s', async (name, rule) => {
    expect(await specialDifferences(await special(name, rule), rule, runtime)).toEqual([]);
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

  test.each(ruled)('on special values: %s', { timeout: 120_000 }, async (name, rule) => {
    const cases = fc.sample(families[name]!, { seed: 5, numRuns: 5 }).map((case_) => inHalf(half, case_));
    expect(await specialDifferences(await withOracle(cases, rule), rule, runtime)).toEqual([]);
  });
});

import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { tfjsRuntime } from '@flowmap/runtime-tfjs';
import type { HostTensor, Runtime } from '@flowmap/tensor';
import { disagreements, evaluate, mismatch, tolerances, type Case } from '@flowmap/tensor/testing';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { families } from './random/families.js';
import { largeFamilies } from './random/large.js';
import { inHalf, withSpecials } from './random/variants.js';

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

// The tolerances are those of the contract's own cases, which are of the same sizes.
describe.each<{ name: string; open: () => Promise<Runtime> }>([
  { name: 'onnx', open: () => onnxRuntime({ device: 'cpu', threads: 1 }) },
  { name: 'tfjs cpu', open: () => tfjsRuntime({ backend: 'cpu' }) },
])('the $name runtime agrees with the reference', ({ open }) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await open();
  });

  test.each(Object.entries({ ...families, ...largeFamilies }))('on random cases: %s', async (name, family) => {
    // All of them are one program, so that they cost one compilation.
    const cases = fc.sample(family, { seed: 1, numRuns: name in families ? 25 : 8 });
    expect(await disagreements(name, cases, runtime, oracle, 1)).toEqual([]);
    // Without derivatives, which use what is computed on the way, runtimes fuse more.
    const [got, wanted] = [await valuesOf(cases, runtime), await valuesOf(cases, oracle)];
    const wrong = cases.map(({ name }, i) => `${name}: ${mismatch(got[i]!, wanted[i]!, tolerances.float32[0]) ?? ''}`);
    expect(wrong.filter((text) => !text.endsWith(': '))).toEqual([]);
  });

  // Of what only moves, chooses or compares numbers: one that was multiplied by zero on the way would be NaN.
  test.each(['moved', 'joined', 'cut', 'selection'])('on special values: %s', async (name) => {
    const cases = fc.sample(families[name]!, { seed: 3, numRuns: 25 }).map(withSpecials);
    const [got, wanted] = [await valuesOf(cases, runtime), await valuesOf(cases, oracle)];
    const wrong = cases.map(({ name }, i) => `${name}: ${mismatch(got[i]!, wanted[i]!, tolerances.float32[0]) ?? ''}`);
    expect(wrong.filter((text) => !text.endsWith(': '))).toEqual([]);
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
});

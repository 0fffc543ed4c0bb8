import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { tfjsRuntime } from '@flowmap/runtime-tfjs';
import type { Runtime } from '@flowmap/tensor';
import { disagreements } from '@flowmap/tensor/testing';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { families } from './random/families.js';

const oracle = referenceRuntime();

// The tolerances are those of the contract's own cases, which are of the same sizes.
describe.each<{ name: string; open: () => Promise<Runtime> }>([
  { name: 'onnx', open: () => onnxRuntime({ device: 'cpu', threads: 1 }) },
  { name: 'tfjs cpu', open: () => tfjsRuntime({ backend: 'cpu' }) },
])('the $name runtime agrees with the reference', { timeout: 120_000 }, ({ open }) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await open();
  }, 60_000);

  test.each(Object.entries(families))('on random cases: %s', async (name, family) => {
    // All of them are one program, so that they cost one compilation.
    const cases = fc.sample(family, { seed: 1, numRuns: 60 });
    expect(await disagreements(name, cases, runtime, oracle, 1)).toEqual([]);
  });
});

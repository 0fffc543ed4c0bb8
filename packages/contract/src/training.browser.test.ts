import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { describe, expect, inject, test } from 'vitest';
import { relativeErrors, trainingRun, type RunNumbers } from './internal/training-run.js';

// Single precision against single or double, each with its own order of summation: a few units of 1e-6 in the largest numbers. AdamW
// divides a gradient by its own size, so that one near zero can turn the other way and move its weight by up to the learning rate.
const tolerance = 1e-4;

const inNode = inject('runInNode');
const exact = await trainingRun(referenceRuntime());

test('the reference runtime computes in a browser what onnxruntime computes in Node', () => {
  expect(disagreements(exact, inNode)).toEqual([]);
});

describe.each(['cpu', 'webgpu'] as const)('onnxruntime in a browser on %s', { timeout: 300_000 }, (device) => {
  test('trains as in Node, and as the reference runtime', async () => {
    const numbers = await trainingRun(await onnxRuntime({ device }));
    expect(Object.keys(numbers).sort()).toEqual(Object.keys(inNode).sort());
    expect(numbers['loss']).toHaveLength(8);
    expect(disagreements(numbers, inNode)).toEqual([]);
    expect(disagreements(numbers, exact)).toEqual([]);
  });
});

function disagreements(got: RunNumbers, wanted: RunNumbers): [string, number][] {
  const errors = Object.entries(relativeErrors(got, wanted));
  console.log(Math.max(...errors.map(([, e]) => e)), JSON.stringify(errors.sort((a, b) => b[1] - a[1]).slice(0, 4)));
  return errors.filter(([, error]) => !(error <= tolerance));
}

import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { describe, expect, inject, test } from 'vitest';
import { relativeErrors, trainingRun, type RunNumbers } from './internal/training-run.js';

// Single precision against single or double, each with its own order of summation. AdamW divides a gradient by its own
// size, so rounding errors in a small gradient change its weight as much as any other: the largest error measured is
// 1.6e-5.
const tolerance = 1e-4;

const inNode = inject('runInNode');
const exact = await trainingRun(referenceRuntime());

test('the reference runtime computes in a browser what onnxruntime computes in Node', () => {
  expect(disagreements(exact, inNode)).toEqual([]);
});

describe.each(['cpu', 'webgpu'] as const)('onnxruntime in a browser on %s', (device) => {
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
  return errors.filter(([, error]) => !(error <= tolerance));
}

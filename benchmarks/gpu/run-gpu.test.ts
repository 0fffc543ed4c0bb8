import { join } from 'node:path';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { expect, it } from 'vitest';
import { difference, DisagreementError, measureGpu } from './run-gpu.js';

const adapter = { name: 'the CPU', driver: 'none' };
const options = { rounds: 1, batchSize: 2, stepsPerRun: 2, small: true, progress: () => undefined };

it('measures everything that the report has', async () => {
  const run = { ...options, python: 'no-such-python', script: 'none' };
  const report = await measureGpu(await onnxRuntime({ device: 'cpu' }), adapter, run);
  expect(report.date).toMatch(/^\d{4}-\d\d-\d\d$/);
  expect(report.machine).toMatch(/^\d+ cores of .+, \d+ GiB, /);
  expect(report.versions).toMatchObject({ Node: process.versions.node });
  expect(report.products.map(({ size }) => size)).toEqual([64, 128]);
  expect(report.products.every(({ gflops }) => gflops > 0)).toBe(true);
  expect(report.tasks.map(({ task }) => task.split(':')[0])).toEqual(['small DiT', 'small UNet']);
  for (const { measured, differences, notes } of report.tasks) {
    expect(measured.map(({ runtime }) => runtime)).toEqual(['Flowmap, onnx (cpu), 2 steps a run']);
    expect(measured[0]!.samplesPerSecond).toBeCloseTo(2000 / measured[0]!.ms, 6);
    // The same program on the same device; threads may share sums out differently.
    expect(differences['the CPU']).toBeLessThan(1e-5);
    expect(notes).toEqual([expect.stringContaining('PyTorch was not timed')]);
  }
});

it('refuses a PyTorch that computes something else', async () => {
  const script = join(import.meta.dirname, '__fixtures__/answering-peer.mjs');
  const run = { ...options, python: process.execPath, script };
  const refused = measureGpu(await onnxRuntime({ device: 'cpu' }), adapter, run);
  await expect(refused).rejects.toThrow(DisagreementError);
  await expect(refused).rejects.toThrow(/small DiT.*PyTorch in float32/);
});

it('compares each result by its own size, and finds a missing one', () => {
  const ours = { a: [3, 4], b: [1e-3] };
  expect(difference(ours, ours)).toBe(0);
  // Errors of 1 in 5, and of 1e-4 in 1e-3.
  expect(difference(ours, { a: [3, 5], b: [1e-3] })).toBeCloseTo(0.2, 12);
  expect(difference(ours, { a: [3, 4], b: [1.1e-3] })).toBeCloseTo(0.1, 12);
  expect(difference(ours, { a: [3, 4] })).toBeNaN();
  expect(difference(ours, { a: [3], b: [1e-3] })).toBeNaN();
});

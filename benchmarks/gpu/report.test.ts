import { expect, it } from 'vitest';
import { formatReport, type GpuReport } from './report.js';

const ours = { runtime: 'Flowmap, onnx (webgpu)', ms: 20, gflops: 1234.56, samplesPerSecond: 12800 };
const slower = { runtime: 'PyTorch, fp32', ms: 50, gflops: 493.8, samplesPerSecond: 5120, peakDeviceMemory: 2.5e9 };
const faster = { runtime: 'PyTorch, bf16', ms: 5, gflops: 4938, samplesPerSecond: 51_200, peakDeviceMemory: 1.5e9 };

const report: GpuReport = {
  adapter: { name: 'NVIDIA Example', driver: '550.1' },
  machine: '8 cores of a processor, 32 GiB, linux x64',
  versions: { Node: '20.1.0', 'onnxruntime-node': '1.30.0' },
  date: '2026-01-02',
  products: [{ size: 1024, gflops: 0.12345 }],
  tasks: [
    {
      task: 'DiT: batch 256',
      measured: [ours, slower, faster],
      differences: { 'the CPU': 1.234e-7 },
      notes: ['PyTorch was not timed.'],
    },
  ],
};

const text = formatReport(report);

it('names the GPU, its driver, the machine, the versions and the day', () => {
  expect(text.split('\n', 1)[0]).toBe(
    'GPU: NVIDIA Example, driver 550.1. Machine: 8 cores of a processor, 32 GiB, linux x64. ' +
      'Node 20.1.0, onnxruntime-node 1.30.0. 2026-01-02.',
  );
});

it("gives their time over ours: above 1 where Flowmap's is the shorter", () => {
  expect(text).toContain('| PyTorch, fp32 | 50 | 494 | 5120 | 2.50 x | 2500 |\n');
  expect(text).toContain('| PyTorch, bf16 | 5 | 4938 | 51200 | 0.25 x | 1500 |\n');
});

it("leaves open what nothing tells, and puts 1 beside Flowmap's own time", () => {
  expect(text).toContain('| Flowmap, onnx (webgpu) | 20 | 1235 | 12800 | 1.00 x | - |\n');
});

it('has the yardstick, the agreement and the notes', () => {
  expect(text).toContain('| 1024³ | 0.123 |\n');
  expect(text).toContain('Two steps differ from those of the CPU by 1.2e-7 at most.\n\nPyTorch was not timed.\n');
});

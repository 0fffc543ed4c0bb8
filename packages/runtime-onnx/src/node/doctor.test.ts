import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { System } from '../system.js';
import type { Diagnosis } from './diagnose.js';
import { formatDiagnosis } from './format-diagnosis.js';
import { probeInChild } from './probe-in-child.js';

const system: System = {
  platform: 'linux',
  arch: 'x64',
  hasGpu: false,
  hasNvidiaDriver: false,
  hasVulkanLoader: true,
  isVulkanSoftware: true,
  hasCudaLibraries: false,
};

const diagnosis: Diagnosis = {
  system,
  node: 'v22.1.0',
  onnxruntime: '1.30.0',
  notInPlace: undefined,
  probes: {
    cpu: { works: true, gflops: 123.456 },
    webgpu: { works: true, gflops: 1.5 },
    cuda: { works: false, reason: 'Failed to load shared library' },
  },
  chosen: 'cpu',
  advice: {
    cuda: 'Install it, which takes a sentence that is so long that it does not fit into one line of the report',
  },
};

describe('formatDiagnosis', () => {
  it('is a table, and below it the reason and the advice for what does not work', () => {
    expect(formatDiagnosis(diagnosis).split('\n')).toEqual([
      'onnxruntime-node 1.30.0 on linux x64, Node v22.1.0',
      '',
      'device  works  256^3 product',
      "cpu     yes    123 GFLOP/s    chosen by 'auto'",
      "webgpu  yes    1.50 GFLOP/s   computes on the CPU, so 'auto' passes it over",
      'cuda    no     -              see below',
      '',
      'on the CPU, results are written in place',
      '',
      'cuda: Failed to load shared library.',
      '  Install it, which takes a sentence that is so long that it does not fit into one line of the',
      '  report.',
    ]);
  });

  it('says how to save the copies of results', () => {
    const text = formatDiagnosis({ ...diagnosis, notInPlace: "Cannot find package 'koffi'" });
    expect(text).toMatch(/^on the CPU, .*copied once: Cannot find package 'koffi'\.\n {2}`npm install koffi` saves/m);
  });

  it('says when nothing is installed', () => {
    const missing = { works: false, reason: 'onnxruntime-node could not be loaded' } as const;
    const probes = { cpu: missing, webgpu: missing, cuda: missing };
    const text = formatDiagnosis({ ...diagnosis, onnxruntime: undefined, chosen: undefined, probes });
    expect(text).toMatch(/^onnxruntime-node is not installed on linux x64/);
    expect(text).not.toContain('chosen');
  });
});

const command = join(import.meta.dirname, '../../bin/flowmap-onnx.js');
const nodeOptions = ['--conditions=@flowmap/source', '--import', 'tsx'];
const run = promisify(execFile);

describe('the command', () => {
  it('doctor reports on this machine and ends with status 0', async () => {
    const { stdout } = await run(process.execPath, [...nodeOptions, command, 'doctor']);
    expect(stdout).toMatch(/^onnxruntime-node \d+\.\d+\.\d+ on /);
    expect(stdout).toMatch(/^cpu +yes +[\d.e+]+ GFLOP\/s/m);
    expect(stdout).toMatch(/^webgpu +(yes|no) /m);
    expect(stdout.match(/chosen by 'auto'/g)).toHaveLength(1);
    if (/^cuda +no/m.test(stdout)) expect(stdout).toMatch(/^cuda: .+\n {2}\S/m);
  });

  it('refuses what it does not know, in one line', async () => {
    const refused = run(process.execPath, [...nodeOptions, command, 'nurse']);
    const stderr = "error: unknown arguments 'nurse'; `npx @flowmap/runtime-onnx --help` shows the usage\n";
    await expect(refused).rejects.toMatchObject({ code: 2, stderr });
  });

  it('a provider that takes its process down is a device that does not work', async () => {
    const crash = { file: 'unused', nodeOptions: ['--eval', 'process.abort()'] };
    expect(await probeInChild('webgpu', crash)).toMatchObject({
      works: false,
      reason: expect.stringContaining('SIGABRT') as string,
    });
  });
});

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flowMapSampler, euler, unet, type Model } from '@flowmap/core';
import { saveModel } from '@flowmap/core/node';
import { writeImageGrid } from '@flowmap/data/node';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { normals, type HostTensor } from '@flowmap/tensor';
import { parseOptions } from 'flowmap/node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endpointRmse, sampleFixedNoises } from '@flowmap/example-common';
import { onTrigonometricPath } from './on-trigonometric-path.js';
import { compareMethods } from './run.js';
import { METHODS_OPTIONS } from './settings.js';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-image-methods-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const photos = join(scratch, 'photos');
const network = unet({ shape: [3, 8, 8], classes: 2, channels: [16] });
const seen = network.init(0);
// An output layer that starts at zero would make every velocity zero.
const params = Object.fromEntries(
  Object.entries(seen).map(([name, value]) => [
    name,
    name.startsWith('output')
      ? { ...value, data: Float32Array.from(normals({ seed: 1, purpose: name }, value.data.length), (x) => x / 10) }
      : value,
  ]),
);
const teacher: Model = { kind: 'velocity', network, params, classes: ['cats', 'dogs'] };
const file = join(scratch, 'teacher.safetensors');

beforeAll(async () => {
  process.env['XDG_CACHE_HOME'] = join(scratch, 'cache');
  for (const name of ['cats/1', 'cats/2', 'dogs/1', 'dogs/2']) {
    const path = join(photos, `${name}.png`);
    await writeImageGrid(path, { images: normals({ seed: 0, purpose: name }, 192), shape: [3, 8, 8], gap: 0 });
  }
  await saveModel(file, teacher);
});

test('on the trigonometric path a teacher leads from each noise to the same data', async () => {
  const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });
  const ends = (model: Model): Promise<HostTensor[]> =>
    sampleFixedNoises(model, euler(), [64, 256], { runtime, count: 4 });
  const extrapolated = ([few, many]: HostTensor[]): HostTensor => {
    const data = Float32Array.from(many!.data, (value, i) => (4 * value - few!.data[i]!) / 3);
    return { ...many!, data };
  };
  const [linear, trigonometric] = [await ends(teacher), await ends(onTrigonometricPath(teacher))];
  // Euler's method has an error of order 1: four times the steps leave a quarter of the difference, and extrapolation
  // removes it but for terms of order 2.
  const [few, many] = linear.map((points, i) => endpointRmse(points, trigonometric[i]!));
  expect(many! / few!).toBeCloseTo(0.25, 1);
  expect(endpointRmse(extrapolated(linear), extrapolated(trigonometric))).toBeLessThan(0.02 * many!);
});

test('methods get equal processor time, and an interrupted comparison goes on', async () => {
  const command = { name: '', description: '', options: METHODS_OPTIONS, run: (): Promise<void> => Promise.resolve() };
  const args = ['--data', photos, '--size', '8', '--teacher', file, '--minutes', '0.002', '--batch-size', '2'];
  const more = ['--steps', '1', '--samples', '2', '--threads', '1', '--out', join(scratch, 'run')];
  const options = parseOptions(command, [...args, ...more, '--methods', 'scd,cmt-then-ayf-emd']);
  const stop = new AbortController();
  const print = (line: string): void => {
    if (line.includes('"scd"')) stop.abort(new Error('stopped'));
  };
  const context = { signal: stop.signal, print, progress: 'none' } as const;
  await expect(compareMethods(options, context)).rejects.toThrow('stopped');
  const folder = await compareMethods(options, {
    signal: new AbortController().signal,
    print: () => undefined,
    progress: 'none',
  });
  const { rows, machine } = JSON.parse(readFileSync(join(folder, 'metrics.json'), 'utf8')) as {
    rows: { name: string; sampler: string; iterations: number[]; endpointRmse: number[]; distance: number[] }[];
    machine: object;
  };
  expect(rows.map(({ name }) => name)).toEqual(['teacher', 'scd', 'cmt-then-ayf-emd']);
  expect(rows[1]!.sampler).not.toBe(flowMapSampler().name);
  expect(rows[2]!.iterations).toHaveLength(2);
  for (const { endpointRmse, distance } of rows) {
    for (const value of [...endpointRmse, ...distance]) expect(value).toBeGreaterThan(0);
  }
  expect(machine).toHaveProperty('processor');
  expect(readFileSync(join(folder, 'tables.md'), 'utf8')).toMatch(/\| cmt-then-ayf-emd \| \d+ \+ \d+ \| /);
});

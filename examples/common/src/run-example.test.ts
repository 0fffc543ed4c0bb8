import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mlp, type Dataset, WriteError } from '@flowmap/core';
import { checkerboard } from '@flowmap/data';
import { ayfEmd } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import type { HostTensor } from '@flowmap/tensor';
import { RunMismatchError } from '@flowmap/train';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Metrics } from './metrics.js';
import type { ExampleRun } from './example-run.js';
import { runExample } from './run-example.js';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-example-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });
const data = checkerboard();

/** A very short run on points, whose pictures are bytes that describe what they show. */
function tiny(name: string, changes: Partial<ExampleRun> = {}): ExampleRun {
  return {
    subject: 'A test & more',
    runtime,
    data,
    teacher: { iterations: 6, batchSize: 8, learningRate: 1e-3, network: mlp({ shape: [2], width: 8, depth: 1 }) },
    student: { iterations: 6, batchSize: 8, learningRate: 1e-3, objective: ayfEmd() },
    seed: 0,
    out: join(scratch, name),
    options: { iterations: 6, channels: [1, 2], teacher: null },
    presentation: { picture, measure: ({ data: values }) => ({ largest: Math.max(...values) }) },
    signal: new AbortController().signal,
    progress: 'none',
    print: () => undefined,
    ...changes,
  };
}

const picture = ({ data: values }: HostTensor): Promise<Uint8Array> =>
  Promise.resolve(new TextEncoder().encode(String(values[0])));

/** A dataset that interrupts the run when asked for one batch too many. */
function interrupting(batches: number, controller: AbortController): Dataset {
  let asked = 0;
  return {
    ...data,
    batch(indices) {
      if (++asked > batches) controller.abort();
      return data.batch(indices);
    },
  };
}

const bytes = (folder: string, file: string): Buffer => readFileSync(join(folder, file));
const metricsOf = (folder: string): Metrics => JSON.parse(bytes(folder, 'metrics.json').toString()) as Metrics;

test('a student that the network cannot have is refused before its teacher is trained', async () => {
  const { student } = tiny('');
  const impossible = tiny('refused', { student: { ...student, startingFrom: { intervalBlocks: 3 } } });
  await expect(runExample(impossible)).rejects.toThrow('mlp.intervalBlocks: wanted at most 1, got 3');
  expect(existsSync(join(scratch, 'refused'))).toBe(false);
});

describe('a whole run', () => {
  const lines: string[] = [];
  let folder = '';
  beforeAll(async () => {
    folder = await runExample(tiny('whole', { print: (line) => lines.push(line) }));
  });

  test('leaves everything', () => {
    expect(folder).toBe(join(scratch, 'whole'));
    const pictures = [1, 2, 4, 8].flatMap((steps) => [`samples-${steps}.png`, `teacher-${steps}.png`]);
    const files = ['config.json', 'log.jsonl', 'metrics.json', 'index.html', 'student.safetensors', 'teacher.png'];
    for (const file of [...files, ...pictures, 'teacher/teacher.safetensors', 'teacher/log.jsonl']) {
      expect(existsSync(join(folder, file)), file).toBe(true);
    }
  });

  test('measures', () => {
    const metrics = metricsOf(folder);
    for (const steps of [1, 2, 4, 8, 16] as const) {
      for (const quality of [metrics.teacher[steps], metrics.student[steps]]) {
        expect(quality.endpointRmse).toBeGreaterThan(0);
        expect(quality['largest']).toBeTypeOf('number');
      }
    }
    expect(metrics.trainStep.gflops).toBeGreaterThan(0);
    expect(metrics.matmul.gflops).toBeGreaterThan(0);
    expect(metrics.wallSeconds).toBeGreaterThan(0);
    expect(Object.keys(metrics.seconds)).toEqual(['teacher', 'distillation', 'evaluation', 'instruments']);
  });

  test('reads its instruments', () => {
    const { samples, velocityDrift, byLength } = metricsOf(folder).instruments;
    expect(samples).toBe(1024);
    expect(velocityDrift.map(({ t }) => t)).toEqual([0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1]);
    for (const { rms } of velocityDrift) expect(rms).toBeGreaterThan(0);
    expect(byLength.map(({ to }) => to)).toEqual([1, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 0]);
    for (const { mapErrorPerLength, tangentNorm } of byLength) {
      expect(mapErrorPerLength).toBeGreaterThan(0);
      expect(tangentNorm).toBeGreaterThan(0);
    }
    expect(byLength.at(-1)!.mapError).toBe(0);
    expect(byLength.reduce((sum, { tangentShare }) => sum + tangentShare, 0)).toBeCloseTo(1, 12);
    expect(byLength.reduce((sum, { drawn }) => sum + drawn, 0)).toBe(1);
  });

  test('records its options and everything that decides its numbers', () => {
    const config = JSON.parse(bytes(folder, 'config.json').toString()) as Record<string, unknown>;
    expect(config).toMatchObject({
      config: { iterations: 6, channels: [1, 2], teacher: null },
      run: { iterations: 6, batchSize: 8, objective: { name: 'ayf-emd', c: 0.1 } },
    });
  });

  test('reports', () => {
    const page = bytes(folder, 'index.html').toString();
    expect(page).toContain('<h1>A test &amp; more, from many steps to few</h1>');
    for (const steps of [1, 2, 4, 8] as const) {
      for (const file of [`samples-${steps}.png`, `teacher-${steps}.png`]) {
        expect(page).toContain(`src="data:image/png;base64,${bytes(folder, file).toString('base64')}"`);
      }
      expect(page).toContain(metricsOf(folder).student[steps].endpointRmse.toFixed(4));
    }
    for (const title of ['Velocity drift', 'Map error', 'Map error per length', 'Tangent norm', 'Share of the pull']) {
      expect(page).toContain(`<strong>${title}</strong>`);
    }
    expect(page).toMatch(/Trained by AYF-EMD\. .* Its settings: warmupSteps by the run, .*c 0\.1/);
    expect(page).toMatch(/Trained by flow matching\. .* Its settings: times logit-normal/);
    expect(page).toContain('When the RMSE rises with N');
    expect(page).toMatch(/Here it (rises from|does not rise)/);
    expect(page).not.toMatch(/undefined|NaN|\[object/);
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
  });

  test('ends with a summary that names the report', () => {
    expect(lines.at(-1)).toContain(join(folder, 'index.html'));
    expect(lines.at(-1)).toContain(metricsOf(folder).student[2].endpointRmse.toFixed(4));
  });

  test('is followed by a numbered one', async () => {
    const next = await runExample(tiny('whole', { tensorboard: true }));
    expect(next).toBe(join(scratch, 'whole-2'));
    const events = (folder: string): string[] =>
      readdirSync(folder).filter((name) => name.startsWith('events.out.tfevents'));
    expect([folder, next, join(next, 'teacher')].map((where) => events(where).length)).toEqual([0, 1, 1]);
    expect(bytes(next, 'student.safetensors').equals(bytes(folder, 'student.safetensors'))).toBe(true);
  });

  // Batches are read one step ahead: a run of 6 steps asks for 7.
  test.each([
    ['while the teacher trains', 3],
    ['while the student trains', 10],
  ])('interrupted %s it goes on to the same end', async (name, batches) => {
    const controller = new AbortController();
    const out = { out: join(scratch, name) };
    const interrupted = tiny(name, { ...out, data: interrupting(batches, controller), signal: controller.signal });
    await expect(runExample(interrupted)).rejects.toMatchObject({ name: 'AbortError' });
    expect(existsSync(join(out.out, 'index.html'))).toBe(false);
    await runExample(tiny(name, out));
    for (const file of ['student.safetensors', 'teacher/teacher.safetensors', 'samples-4.png']) {
      expect(bytes(out.out, file).equals(bytes(folder, file)), file).toBe(true);
    }
    expect(metricsOf(out.out).student).toEqual(metricsOf(folder).student);
  });

  test('interrupted while it is evaluated it trains nothing again', async () => {
    const controller = new AbortController();
    const print = (line: string): void => {
      if (line.includes('student')) controller.abort();
    };
    const interrupted = tiny('evaluation', { signal: controller.signal, print });
    await expect(runExample(interrupted)).rejects.toMatchObject({ name: 'AbortError' });
    const resumed = await runExample(tiny('evaluation', { data: interrupting(0, new AbortController()) }));
    expect(resumed).toBe(join(scratch, 'evaluation'));
    expect(metricsOf(resumed).student).toEqual(metricsOf(folder).student);
    expect(metricsOf(resumed).instruments).toEqual(metricsOf(folder).instruments);
    expect(bytes(resumed, 'index.html').toString()).toContain('Tangent norm');
  });

  test('finished in part, it does not go on with other options', async () => {
    const out = join(scratch, 'mismatch');
    const controller = new AbortController();
    const print = (line: string): void => {
      if (line.startsWith('evaluation')) controller.abort();
    };
    const options = { out, signal: controller.signal, print };
    await expect(runExample(tiny('mismatch', options))).rejects.toMatchObject({ name: 'AbortError' });
    const other = runExample(tiny('mismatch', { options: { iterations: 7, channels: [1, 2], teacher: null } }));
    await expect(other).rejects.toThrow(RunMismatchError);
    await expect(other).rejects.toThrow('iterations: 6 there, 7 now');
  });
});

test('an output folder that cannot be is an error before training', async () => {
  const file = join(scratch, 'file');
  writeFileSync(file, 'mine');
  await expect(runExample(tiny('', { out: join(file, 'run') }))).rejects.toThrow(WriteError);
  expect(readFileSync(file, 'utf8')).toBe('mine');
});

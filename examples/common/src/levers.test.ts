import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flowMapFrom, mlp, type Dataset, type Model } from '@flowmap/core';
import { ayfEmd } from '@flowmap/objectives';
import { RunMismatchError } from '@flowmap/train';
import { DISTILLATION_OPTIONS, parseOptions } from 'flowmap/node';
import { afterAll, expect, test } from 'vitest';
import { leversRun } from './__fixtures__/levers-run.js';
import { finetuneOnce } from './finetuning.js';
import { finetuningObjective, LEVER_OPTIONS, leversOf } from './levers.js';
import type { Metrics } from './metrics.js';
import { runExample } from './run-example.js';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-levers-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const bytes = (folder: string, file: string): Buffer => readFileSync(join(folder, file));
const metricsOf = (folder: string): Metrics => JSON.parse(bytes(folder, 'metrics.json').toString()) as Metrics;
const models = [
  'teacher/teacher.safetensors',
  'weak-teacher/teacher.safetensors',
  'student.safetensors',
  'finetuned.safetensors',
];

/** Fails when more batches of data are requested, as if the process ended there. */
function ending(batches: number): () => void {
  let asked = 0;
  return () => {
    if (++asked > batches) throw new Error('ended here');
  };
}

/** Data of which no batch may be requested. */
async function dataThatEnds(): Promise<Dataset> {
  return (await leversRun(scratch, ending(0))).data;
}

async function killedInChild(out: string, batches: number): Promise<void> {
  const file = join(import.meta.dirname, '__fixtures__/levers-in-child.ts');
  const flags = ['--conditions=@flowmap/source', '--import', 'tsx', file, out, String(batches)];
  const child = spawn(process.execPath, flags, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => (said += String(chunk)));
  const [, signal] = (await once(child, 'close')) as [unknown, NodeJS.Signals | null];
  expect(signal, said).toBe('SIGKILL');
}

test('finetuning goes on without the warm-up of AYF-EMD, and with any other objective as it is', async () => {
  const of = (name: string): ReturnType<typeof finetuningObjective> => {
    const spec = { name: '', description: '', options: DISTILLATION_OPTIONS, run: () => Promise.resolve() };
    return finetuningObjective(parseOptions(spec, ['--objective', name]));
  };
  expect((await of('ayf-emd')).config).toMatchObject({ warmupSteps: 1 });
  expect((await of('shortcut')).name).toBe('shortcut');
});

test('a run that ends in each of its stages and is run again ends as if nothing had happened', async () => {
  const told: string[] = [];
  const run = await leversRun(join(scratch, 'whole'));
  const whole = await runExample({ ...run, print: (line) => told.push(line) });
  expect(told.at(-1)).toMatch(/student +.*finetuned\.safetensors/);
  for (const file of models) expect(existsSync(join(whole, file)), file).toBe(true);
  expect(bytes(whole, 'finetuned.safetensors').equals(bytes(whole, 'student.safetensors'))).toBe(false);
  const page = bytes(whole, 'index.html').toString();
  for (const title of ['Logits', 'Gap', 'Accuracy', 'Penalties', 'Adaptive weight', 'Diversity']) {
    expect(page).toContain(`<strong>${title}</strong>`);
  }
  expect(page).toContain('by a weak teacher, λ 2; drawn from 1 to 3, which the student takes as a condition');
  expect(page).not.toMatch(/undefined|NaN|\[object/);

  // Every stage has 6 steps: those that are finished are loaded, and request no data.
  const out = join(scratch, 'ended');
  const stages = models.map((file) => join(out, file));
  for (const finished of [1, 2]) {
    await expect(runExample(await leversRun(out, ending(10)))).rejects.toThrow('ended here');
    expect(stages.map((file) => existsSync(file))).toEqual(stages.map((_, i) => i < finished));
  }
  await killedInChild(out, 10);
  expect(stages.map((file) => existsSync(file))).toEqual([true, true, true, false]);
  expect(existsSync(join(out, 'finetuning/latest'))).toBe(true); // it continues from there
  const other = { ...(await leversRun(out)), options: { stages: 5 } };
  await expect(runExample(other)).rejects.toThrow(RunMismatchError);

  expect(await runExample(await leversRun(out))).toBe(out);
  for (const file of models) expect(bytes(out, file).equals(bytes(whole, file)), file).toBe(true);
  expect(metricsOf(out).student).toEqual(metricsOf(whole).student);
});

test('a finetuning without a discriminator is the distillation alone, and is loaded once it has finished', async () => {
  const run = await leversRun(scratch);
  const { adversarial: _, ...alone } = run.finetuning!;
  const folder = join(scratch, 'further');
  const network = mlp({ shape: [2], width: 4, depth: 1 });
  const teacher: Model = { kind: 'velocity', network, params: network.init(0), classes: [] };
  const inputs = {
    folder,
    settings: { a: 1 },
    teacher,
    strong: teacher,
    student: flowMapFrom(teacher, 0),
    data: run.data,
  };
  const first = await finetuneOnce(run, alone, inputs);
  expect(Object.keys(first!.log[0]!)).toContain('tangentNorm');
  expect(bytes(folder, 'finetuning/log.jsonl').toString()).not.toContain('discriminator');
  const again = await finetuneOnce(run, alone, { ...inputs, data: await dataThatEnds() });
  expect(again!.model.params).toEqual(first!.model.params);
  await expect(finetuneOnce(run, alone, { ...inputs, settings: { a: 2 } })).rejects.toThrow('a: 1 there, 2 now');
});

test('options that contradict each other are refused', async () => {
  const parsed = (...args: string[]) =>
    parseOptions(
      {
        name: '',
        description: '',
        options: LEVER_OPTIONS,
        run: () => Promise.resolve(),
      },
      args,
    );
  const weak = (): never => {
    throw new Error('there is no guidance');
  };
  const objective = () => Promise.resolve(ayfEmd({ warmupSteps: 1 }));
  expect(await leversOf(parsed(), weak, objective)).toEqual({});
  await expect(leversOf(parsed('--adversarial=2', '--further=2'), weak, objective)).rejects.toThrow('got both');
  await expect(leversOf(parsed('--guidance-up-to=3'), weak, objective)).rejects.toThrow('--guidance too');
  await expect(leversOf(parsed('--guidance-until=0.8'), weak, objective)).rejects.toThrow('--guidance too');
  for (const [args, reason] of [
    [['--further=2', '--judge-rate=1'], '--judge-rate: has no effect without --adversarial'],
    [['--finetuning-rate=1'], '--finetuning-rate: has no effect without --adversarial or --further'],
  ] as const) {
    await expect(leversOf(parsed(...args), weak, objective)).rejects.toThrow(reason);
  }
  const { finetuning } = await leversOf(parsed('--adversarial=2', '--judged-steps=4', '--augment'), weak, objective);
  expect(finetuning).toMatchObject({ iterations: 2, adversarial: { weight: 0.3, steps: 4, augmented: true } });
  expect(finetuning!.objective.config).toMatchObject({ warmupSteps: 1 });
});

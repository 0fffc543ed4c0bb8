import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CheckpointError,
  ConfigError,
  decodeSafetensors,
  flowMapFrom,
  loader,
  mlp,
  SampleError,
  WriteError,
  type Dataset,
  type Model,
} from '@flowmap/core';
import { loadFlowMap, loadVelocityField } from '@flowmap/core/node';
import { checkerboard, gaussianMixture } from '@flowmap/data';
import { ayfEmd, flowMatching } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, type HostTensor, type Runtime } from '@flowmap/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { previewSamples } from '../callbacks/preview-samples.js';
import { validationLoss } from '../callbacks/validation-loss.js';
import { NonFiniteError, RunMismatchError } from '../errors.js';
import { overflowing } from './__fixtures__/short-training.js';
import { loadTrained } from './checkpoints.js';
import type { DistillOptions, TrainResult, TrainVelocityFieldOptions } from './options.js';
import { distill, trainVelocityField } from './train.js';

let scratch = '';
let count = 0;
beforeAll(async () => (scratch = await mkdtemp(join(tmpdir(), 'flowmap-train-'))));
afterAll(async () => rm(scratch, { recursive: true }));
const fresh = (): string => join(scratch, String(count++));

const reference = referenceRuntime();
const data = gaussianMixture({ weights: [1, 1], means: [[-1, 0], [1, 0]], stds: [0.3, 0.3] }); // prettier-ignore
const network = mlp({ shape: [2], classes: 2, width: 8, depth: 1 });
// Output layers start at zero, and a teacher that is zero everywhere has nothing to teach.
const stirred = Object.entries(network.init(7)).map(([name, value], k): [string, HostTensor] => [
  name,
  { ...value, data: Float32Array.from(value.data, (x, i) => x + 0.1 * Math.sin(k + 3 * i)) },
]);
const teacher: Model = { kind: 'velocity', network, params: Object.fromEntries(stirred), classes: data.classes };

const matching = (out: string, more: Partial<TrainVelocityFieldOptions> = {}): TrainVelocityFieldOptions => ({
  runtime: reference,
  data,
  network,
  objective: flowMatching(),
  out,
  progress: 'none',
  iterations: 12,
  batchSize: 8,
  seed: 3,
  checkpointEvery: 5,
  logEvery: 1,
  ...more,
});
const distilling = (out: string, more: Partial<DistillOptions> = {}): DistillOptions => ({
  runtime: reference,
  data,
  teacher,
  objective: ayfEmd(),
  out,
  progress: 'none',
  iterations: 12,
  batchSize: 8,
  seed: 3,
  checkpointEvery: 5,
  logEvery: 1,
  ...more,
});

/** Options that abort a run once a step has been taken. */
function stopAfter(step: number): Pick<DistillOptions, 'signal' | 'onLog'> {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    onLog: (record) => {
      if (record.step === step) controller.abort();
    },
  };
}

/** The records without their timings. */
function numbers({ log }: TrainResult): Record<string, number>[] {
  return log.map(({ seconds: _, imagesPerSecond: __, ...rest }) => rest);
}

const jsonLines = async (folder: string): Promise<unknown[]> =>
  (await readFile(join(folder, 'log.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

/** A dataset that is invalid from a given sample on. */
const spoiledFrom = (sample: number, value: number): Dataset => ({
  ...data,
  batch: async (indices) => {
    const good = await data.batch(indices);
    return Math.max(...Array.from(indices)) < sample ? good : { ...good, x: good.x.fill(value) };
  },
});

describe('a run', () => {
  test('leaves its settings, its log, checkpoints and the averaged model', async () => {
    const out = fresh();
    const result = await distill(distilling(out, { config: { dataset: 'two blobs' } }));
    expect(result).toMatchObject({ folder: out, completed: true, step: 12 });
    expect((await readdir(out)).sort()).toEqual([
      'checkpoints',
      'config.json',
      'latest',
      'log.jsonl',
      'student.safetensors',
    ]);
    expect((await readdir(join(out, 'checkpoints'))).sort()).toEqual(['0000010', '0000012']);
    expect((await readdir(join(out, 'checkpoints/0000012'))).sort()).toEqual(['state.json', 'state.safetensors']);
    expect(await readFile(join(out, 'latest'), 'utf8')).toBe('0000012\n');
    expect(await jsonLines(out)).toEqual(result.log);
    expect(JSON.parse(await readFile(join(out, 'config.json'), 'utf8'))).toMatchObject({
      kind: 'flowMap',
      run: { iterations: 12, batchSize: 8, seed: 3, objective: { name: 'ayf-emd', c: 0.1 }, optimizer: { beta1: 0.9 } },
      environment: { runtime: 'reference', stepsPerRun: 1, parts: 1, node: process.version },
      config: { dataset: 'two blobs' },
    });
    const student = await loadFlowMap(join(out, 'student.safetensors'));
    expect(student.params).toEqual(result.model.params);
    expect(student.classes).toEqual(['0', '1']);
    expect(student.network.config).toEqual({ ...network.config, interval: true });
    const average = await loadTrained(join(out, 'checkpoints/0000012'), { average: 'ema' });
    expect(average.params).toEqual(result.model.params);
  });

  test('logs what an objective measures, with the rates and the clock', async () => {
    const { log } = await distill(distilling(fresh(), { logEvery: 5, learningRate: 0.01 }));
    expect(log.map(({ step }) => step)).toEqual([1, 5, 10, 12]);
    for (const record of log) {
      expect(Object.keys(record).sort()).toEqual([
        'gradientNorm',
        'imagesPerSecond',
        'learningRate',
        'loss',
        'r',
        'seconds',
        'step',
        'tangentNorm',
        'velocityError',
      ]);
      expect(Object.values(record).every(Number.isFinite)).toBe(true);
    }
    expect(log.at(-1)!['r']).toBe(0.99);
    expect(log.at(-1)!['learningRate']).toBeLessThan(0.05 * 0.01);
  });

  test('trains a velocity field that its file rebuilds', async () => {
    const out = fresh();
    const { model } = await trainVelocityField(matching(out));
    expect(await loadVelocityField(join(out, 'teacher.safetensors'))).toMatchObject({
      kind: 'velocity',
      params: model.params,
    });
  });

  test('keeps the path and the parametrisation from the teacher to the student, and records them', async () => {
    const paths = { path: 'trigonometric', parametrization: 'trigonometric' } as const;
    const [first, second] = [fresh(), fresh()];
    const { model } = await trainVelocityField(matching(first, paths));
    expect(model).toMatchObject(paths);
    const taught = await loadVelocityField(join(first, 'teacher.safetensors'));
    expect(taught).toMatchObject(paths);
    await distill(distilling(second, { teacher: taught }));
    expect(await loadFlowMap(join(second, 'student.safetensors'))).toMatchObject(paths);
    expect(await loadTrained(join(second, 'checkpoints/0000012'), { average: 'ema' })).toMatchObject(paths);
    expect(JSON.parse(await readFile(join(second, 'config.json'), 'utf8'))).toMatchObject({ run: paths });
  });

  test('on another path is another run', async () => {
    const out = fresh();
    await trainVelocityField(matching(out, stopAfter(3)));
    const other = trainVelocityField(matching(out, { path: 'trigonometric' }));
    await expect(other).rejects.toThrow(RunMismatchError);
    await expect(other).rejects.toThrow('path: nothing there, "trigonometric" now');
  });

  test('learns', async () => {
    const { log } = await trainVelocityField(matching(fresh(), { iterations: 150, batchSize: 32, learningRate: 0.02 }));
    const mean = (from: number, to: number): number =>
      log.slice(from, to).reduce((sum, { loss }) => sum + loss!, 0) / (to - from);
    // From the variance of z - x0, 1 + 1 + 1 + 0.3^2 + 0.3^2 at the start, towards the part that a velocity cannot
    // explain.
    expect(mean(0, 10)).toBeGreaterThan(2.5);
    expect(mean(140, 150)).toBeLessThan(2);
  });

  test('after a finished one gets the next number', async () => {
    const out = fresh();
    const first = await distill(distilling(out));
    const before = await readFile(join(out, 'student.safetensors'));
    expect((await distill(distilling(out))).folder).toBe(`${out}-2`);
    expect((await distill(distilling(out, { seed: 4 }))).folder).toBe(`${out}-3`);
    expect(first.folder).toBe(out);
    expect(await readFile(join(out, 'student.safetensors'))).toEqual(before);
  });
});

describe.each([
  ['runtime-reference', (): Promise<Runtime> => Promise.resolve(reference)],
  ['runtime-onnx', (): Promise<Runtime> => onnxRuntime({ device: 'cpu', threads: 2 })],
])('an interrupted run on %s', (_, open) => {
  test('is resumed to the same bits as if it had never stopped', async () => {
    const runtime = await open();
    const whole = await distill(distilling(fresh(), { runtime }));
    const out = fresh();
    // Stopped between checkpoints, stopped again, then run to its end.
    for (const step of [3, 7]) {
      const partial = await distill(distilling(out, { runtime, ...stopAfter(step) }));
      expect(partial).toMatchObject({ folder: out, completed: false, step });
    }
    const steps: number[] = [];
    const resumed = await distill(distilling(out, { runtime, onLog: ({ step }) => steps.push(step) }));
    expect(steps).toEqual([8, 9, 10, 11, 12]);
    expect(resumed).toMatchObject({ folder: out, completed: true, step: 12 });
    expect(resumed.model.params).toEqual(whole.model.params);
    expect(numbers(resumed)).toEqual(numbers(whole));
    const at = (folder: string): Promise<Buffer> => readFile(join(folder, 'checkpoints/0000012/state.safetensors'));
    expect((await at(out)).equals(await at(whole.folder))).toBe(true);
  });

  test('is resumed from its last checkpoint when it was killed', async () => {
    const runtime = await open();
    const whole = await trainVelocityField(matching(fresh(), { runtime }));
    const out = fresh();
    const killed = new Error('killed');
    const dying = trainVelocityField(
      matching(out, {
        runtime,
        onLog({ step }) {
          if (step === 8) throw killed;
        },
      }),
    );
    await expect(dying).rejects.toBe(killed);
    expect(await readFile(join(out, 'latest'), 'utf8')).toBe('0000005\n');
    const steps: number[] = [];
    const resumed = await trainVelocityField(matching(out, { runtime, onLog: ({ step }) => steps.push(step) }));
    expect(steps).toEqual([6, 7, 8, 9, 10, 11, 12]);
    expect(resumed.model.params).toEqual(whole.model.params);
    expect(numbers(resumed)).toEqual(numbers(whole)); // records 6 to 8 do not appear twice
    expect(await jsonLines(out)).toEqual(resumed.log);
  });
});

describe('an unfinished run', () => {
  test('that is aborted before its first step saves its start', async () => {
    const out = fresh();
    const result = await trainVelocityField(matching(out, { signal: AbortSignal.abort() }));
    expect(result).toMatchObject({ completed: false, step: 0, log: [] });
    expect((await trainVelocityField(matching(out))).step).toBe(12);
  });

  test('is not resumed by a run with other settings', async () => {
    const out = fresh();
    await distill(distilling(out, stopAfter(3)));
    const others: [Partial<DistillOptions>, string][] = [
      [{ seed: 4 }, 'seed: 3 there, 4 now'],
      [{ batchSize: 16 }, 'batchSize: 8 there, 16 now'],
      [{ iterations: 24 }, 'iterations: 12 there, 24 now'],
      [{ objective: ayfEmd({ c: 0.2 }) }, 'objective.c: 0.1 there, 0.2 now'],
      [{ objective: flowMatching() }, 'objective.name: "ayf-emd" there, "flow-matching" now'],
      [{ maxGradientNorm: 1 }, 'maxGradientNorm: null there, 1 now'],
      [{ learningRate: 0.3 }, 'learningRate: '],
      [{ data: checkerboard(), teacher: { ...teacher, network: mlp({ shape: [2] }), params: mlp({ shape: [2] }).init(0), classes: [] } }, 'network.classes: 2 there, 0 now'], // prettier-ignore
      [{ teacher: { ...teacher, params: network.init(8) } }, 'teacher: '],
    ];
    const before = await readFile(join(out, 'config.json'), 'utf8');
    for (const [change, difference] of others) {
      const error = await distill(distilling(out, change)).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(RunMismatchError);
      expect((error as RunMismatchError).message).toContain(difference);
      expect((error as RunMismatchError).folder).toBe(out);
    }
    expect(await readFile(join(out, 'config.json'), 'utf8')).toBe(before);
    expect((await distill(distilling(out))).completed).toBe(true);
  });

  test('whose checkpoint is damaged is refused, naming the file', async () => {
    for (const file of ['state.safetensors', 'state.json']) {
      const out = fresh();
      await distill(distilling(out, stopAfter(3)));
      const path = join(out, 'checkpoints/0000003', file);
      await writeFile(path, (await readFile(path)).subarray(0, 20));
      const error = await distill(distilling(out)).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(CheckpointError);
      expect((error as CheckpointError).source).toBe(path);
    }
  });

  test('survives an interruption while a checkpoint is written', async () => {
    const out = fresh();
    await distill(distilling(out, stopAfter(3)));
    const checkpoints = join(out, 'checkpoints');
    // What remains when the process dies while saving is a half-written folder; what is not of the run is kept.
    await writeFile(join(checkpoints, '0000007'), 'not a folder');
    await writeFile(join(checkpoints, '0000005.tmp'), 'half');
    const resumed = await distill(distilling(out, stopAfter(7)));
    expect(resumed.step).toBe(7);
    expect((await readdir(checkpoints)).sort()).toEqual(['0000005', '0000007', '0000007.damaged']);
  });
});

/**
 * A rate of 1e-3 except at one step, whose update leaves no weight finite in single precision.
 */
const explodingAt =
  (wrong: number) =>
  ({ step }: { step: number }): number =>
    step === wrong ? 1e300 : 1e-3;

describe('training stops', () => {
  test.each([
    ['with a checkpoint', 7, 9, '0000005'],
    ['without one', 1, 3, undefined],
  ])('at the first quantity that is not finite, %s', async (_, exploding, step, checkpoint) => {
    const out = fresh();
    const learningRate = explodingAt(exploding);
    const error = await distill(distilling(out, { learningRate })).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NonFiniteError);
    const path = checkpoint === undefined ? undefined : join(out, 'checkpoints', checkpoint);
    expect(error).toMatchObject({ quantity: 'tangentNorm', value: NaN, step, checkpoint: path });
    expect((error as Error).message).toContain(`training stopped at step ${step}: tangentNorm became NaN`);
    expect((error as Error).message).toContain('A lower learning rate may help');
    const batch = join(out, 'checkpoints', `inputs.000000${step}.safetensors`);
    expect(error).toMatchObject({ batch: { fault: undefined, place: batch } });
    expect((error as Error).message).toContain(`The inputs of that step are finite; they are kept in ${batch}`);
    const inputs = decodeSafetensors(await readFile(batch), batch);
    expect(inputs.metadata).toEqual({ step: String(step) });
    const { x } = await loader(data, { batchSize: 8, seed: 3 }).batch(step - 1);
    expect(inputs.tensors['ayf-emd.x0']!.data).toEqual(x);
    if (path === undefined) return;
    expect((error as Error).message).toContain("make the same call with one and whenFinished: 'extend'");
    // The checkpoint is intact: with a better rate at that step the run goes on from it to the same end as with that
    // rate throughout.
    const better = { learningRate: (): number => 1e-3 };
    const resumed = await distill(distilling(out, { ...better, whenFinished: 'extend' }));
    expect(resumed.model.params).toEqual((await distill(distilling(fresh(), better))).model.params);
  });

  test.each<[string, Partial<DistillOptions>]>([
    ['learningRate', { learningRate: ({ step }) => (step === 6 ? NaN : 1e-3) }],
    ['emaDecay', { emaDecay: ({ step }) => (step === 6 ? Infinity : 0.9) }],
    ['averages.other', { averages: { other: ({ step }) => (step === 6 ? NaN : 0.9) } }],
    ['objective.schedules.r', { objective: { ...ayfEmd(), schedules: { r: ({ step }) => (step === 6 ? NaN : 1) } } }],
  ])('before the first step for a schedule that is not finite at one: %s', async (option, more) => {
    const out = fresh();
    const error = await distill(distilling(out, more)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toMatch(new RegExp(`^${option}: .* at every step, got \\w+ at step 7 of `));
    await expect(readdir(out)).rejects.toThrow('ENOENT');
  });

  test.each([
    ['a NaN', NaN],
    ['an infinity', -Infinity],
  ])('at %s in the data before it touches a weight, naming the sample', async (_, value) => {
    for (const stepsPerRun of [1, 4]) {
      const out = fresh();
      const error = await distill(distilling(out, { data: spoiledFrom(64, value), stepsPerRun })).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(SampleError);
      expect(error).toMatchObject({ dataset: data.name, sample: 64, value });
      expect((error as Error).message).toContain(`sample 64 has the value ${value} at coordinate 0`);
      expect((error as Error).message).toContain('The data is at fault, not the learning rate');
      // Extended with better data, the run goes on from its checkpoint to the same end as with good data throughout.
      const resumed = await distill(distilling(out, { stepsPerRun, whenFinished: 'extend' }));
      expect(resumed.model.params).toEqual((await distill(distilling(fresh(), { stepsPerRun }))).model.params);
    }
  });

  test('at a label outside the classes, naming the sample', async () => {
    const mislabelled: Dataset = {
      ...data,
      batch: async (indices) => ({
        ...(await data.batch(indices)),
        conditions: { label: Int32Array.from(indices, (index) => (index === 20 ? 2 : 0)) },
      }),
    };
    const named = { name: 'SampleError', sample: 20, value: 2 };
    const more = { data: mislabelled };
    await expect(trainVelocityField(matching(fresh(), more))).rejects.toMatchObject(named);
    await expect(distill(distilling(fresh(), more))).rejects.toMatchObject(named);
    const other = { ...teacher, classes: ['1', '0'] };
    await expect(distill(distilling(fresh(), { ...more, teacher: other }))).rejects.toMatchObject(named);
  });

  test('before a state that overflowed becomes a checkpoint', async () => {
    const out = fresh();
    const learningRate = ({ step }: { step: number }): number => (step === 4 ? 2 : 1e-3);
    const error = await trainVelocityField(matching(out, { learningRate, optimizer: overflowing })).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(NonFiniteError);
    expect((error as NonFiniteError).step).toBe(5);
    expect(await readdir(out)).not.toContain('latest');
  });
});

describe('the classes of a teacher', () => {
  const other: Model = { ...teacher, classes: ['1', '0'] };

  test('decide what labels mean: data in another order trains the student as data in the order of the teacher', async () => {
    const swapped: Dataset = {
      ...data,
      classes: ['1', '0'],
      batch: async (indices) => {
        const { x, conditions } = await data.batch(indices);
        return { x, conditions: { label: conditions['label']!.map((label) => 1 - label) } };
      },
    };
    const notes: string[] = [];
    const onNote = (note: string): unknown => notes.push(note);
    const out = fresh();
    const result = await distill(distilling(out, { data: swapped, onNote }));
    expect(notes).toEqual([
      "'gaussian mixture' has the teacher's classes in another order; its labels are changed to the teacher's order",
    ]);
    const straight = await distill(distilling(fresh(), { onNote }));
    expect(notes.length).toBe(1);
    expect(result.model.params).toEqual(straight.model.params);
    // If labels were taken as numbers, the student would be a different one.
    const misled = await distill(distilling(fresh(), { data: { ...swapped, classes: ['0', '1'] } }));
    expect(result.model.params).not.toEqual(misled.model.params);
  });

  test('are those of the student and of its checkpoints', async () => {
    const out = fresh();
    const { model } = await distill(distilling(out, { teacher: other }));
    expect(model.classes).toEqual(['1', '0']);
    expect((await loadFlowMap(join(out, 'student.safetensors'))).classes).toEqual(['1', '0']);
    expect((await loadTrained(join(out, 'checkpoints/0000012'))).classes).toEqual(['1', '0']);
  });

  test('hold for a run that is resumed', async () => {
    const out = fresh();
    const notes: string[] = [];
    const options = { teacher: other, onNote: (note: string): unknown => notes.push(note) };
    await distill(distilling(out, { ...options, ...stopAfter(7) }));
    const resumed = await distill(distilling(out, options));
    expect(notes.length).toBe(2);
    expect(resumed.step).toBe(12);
    expect(resumed.model.classes).toEqual(['1', '0']);
    expect(resumed.model.params).toEqual((await distill(distilling(fresh(), options))).model.params);
  });
});

describe('bad options are refused before anything is written', () => {
  const cases: [string, Partial<DistillOptions>, string][] = [
    ['no iterations', { iterations: 0 }, 'iterations: wanted a whole number >= 1, got 0'],
    ['a broken batch size', { batchSize: 2.5 }, 'batchSize: wanted a whole number >= 1, got 2.5'],
    ['a negative seed', { seed: -1 }, 'seed: wanted a whole number >= 0, got -1'],
    ['no log interval', { logEvery: 0 }, 'logEvery: '],
    ['no checkpoint interval', { checkpointEvery: 0 }, 'checkpointEvery: '],
    ['a gradient norm of zero', { maxGradientNorm: 0 }, 'maxGradientNorm: '],
    ['an average of everything', { emaDecay: 1 }, 'emaDecay: '],
    ['no folder', { out: '' }, 'out: '],
    ['samples of another shape', { data: { ...data, shape: [3] } }, 'samples [2]'],
    ['fewer classes', { data: { ...data, classes: ['1'] } }, "the data lacks '0'. Names decide"],
    [
      'other classes',
      { data: { ...data, classes: ['0', 'one'] } },
      "the data lacks '1'; the teacher does not know 'one'",
    ],
    ['a class twice', { data: { ...data, classes: ['1', '0', '1'] } }, "the class '1' more than once"],
    ['a flow map as teacher', { teacher: { ...teacher, kind: 'flowMap' } }, 'teacher: wanted a velocity field'],
    [
      'a student on another path',
      { student: { ...flowMapFrom(teacher, 0), path: 'trigonometric' } },
      "student: wanted a flow map on the teacher's path, linear; got a student on the trigonometric path",
    ],
    [
      'a student on an unknown path',
      { student: { ...flowMapFrom(teacher, 0), path: 'vp' as 'linear' } },
      'path: wanted one of linear, trigonometric; got "vp"',
    ],
    ['mirrored points', { flip: true }, 'flip: '],
    [
      'previews without the labels that the student takes',
      {
        callbacks: [
          previewSamples({
            every: 5,
            batchSize: 1,
            noise: hostTensor([1, 2], [0, 0]),
            times: [1, 0],
            onSamples: () => undefined,
          }),
        ],
      },
      'conditions.label: wanted int32 [] for each of 1 samples, got none',
    ],
    [
      'a held-out loss of a phase that there is not',
      { callbacks: [validationLoss({ phase: 'other', batches: loader(data, { batchSize: 8, seed: 1 }), every: 5 })] },
      "loss.phase: there is no phase 'other'; there are: ayf-emd",
    ],
    [
      'an objective with an average that is not kept',
      { objective: { ...ayfEmd(), needs: { teacher: true, average: 'slow' } } },
      "trainee 'student' has no average 'slow'; it has: ema",
    ],
    ['parts that do not divide the batch', { parts: 3 }, 'parts: wanted a divisor of the batch of 8 samples, got 3'],
    [
      'several steps per run in parts',
      { parts: 2, stepsPerRun: 2 },
      'stepsPerRun: wanted 1, since gradients are accumulated, got 2',
    ],
  ];
  test.each(cases)('%s', async (_, change, message) => {
    const out = fresh();
    const error = await distill(distilling(out, change)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toContain(message);
    await expect(readdir(out)).rejects.toThrow('ENOENT');
  });

  test('an objective that needs a teacher, in training from scratch', async () => {
    await expect(trainVelocityField(matching(fresh(), { objective: ayfEmd() }))).rejects.toThrow(
      'objective: ayf-emd needs a teacher; distill() has one',
    );
  });

  test('a folder that cannot be written', async () => {
    const file = fresh();
    await writeFile(file, 'a file');
    for (const out of [file, join(file, 'below')]) {
      await expect(distill(distilling(out))).rejects.toBeInstanceOf(WriteError);
    }
    expect(await readFile(file, 'utf8')).toBe('a file');
  });
});

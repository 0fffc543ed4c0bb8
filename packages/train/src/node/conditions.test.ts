import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loader, mlp, uniformGrid, type Dataset, type Model } from '@flowmap/core';
import { loadFlowMap, loadVelocityField } from '@flowmap/core/node';
import { ayfEmd, flowMatching } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, normals, uniforms, type Runtime } from '@flowmap/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { previewSamples } from '../callbacks/preview-samples.js';
import { validationLoss } from '../callbacks/validation-loss.js';
import { objectivePhase } from '../objective-phase.js';
import { loadTrained } from './checkpoints.js';
import type { TrainOptions, TrainResult } from './options.js';
import { distill, trainVelocityField } from './train.js';

let scratch = '';
let count = 0;
beforeAll(async () => (scratch = await mkdtemp(join(tmpdir(), 'flowmap-conditions-'))));
afterAll(async () => rm(scratch, { recursive: true }));
const fresh = (): string => join(scratch, String(count++));

/** Points around the class, shifted along a text's mean and scaled by the guidance. */
const data: Dataset = {
  name: 'told points',
  length: 64,
  shape: [2],
  classes: ['left', 'right'],
  conditions: {
    label: { shape: [], dtype: 'int32', categories: 2 },
    guidance: { shape: [], dtype: 'float32' },
    text: { shape: [3, 4], dtype: 'float32' },
  },
  batch(indices) {
    const samples = Array.from(indices);
    const label = Int32Array.from(samples, (i) => i % 2);
    const guidance = Float32Array.from(samples, (i) => uniforms({ seed: 1, purpose: 'guidance', sample: i }, 1)[0]!);
    const text = Float32Array.from(samples.flatMap((i) => [...normals({ seed: 1, purpose: 'text', sample: i }, 12)]));
    const x = Float32Array.from(samples.flatMap((_, k) => [2 * label[k]! - 1 + guidance[k]!, text[12 * k]!]));
    return Promise.resolve({ x, conditions: { label, guidance, text } });
  },
};
const network = mlp({
  shape: [2],
  classes: 2,
  width: 8,
  depth: 1,
  conditions: { guidance: [], text: [3, 4] },
  dropout: 0.25,
});
const objective = flowMatching();
const noise = hostTensor([2, 2], Float32Array.of(0.5, -1, 1.5, 0));
const told = { label: Int32Array.of(0, 1), guidance: Float32Array.of(0, 1), text: new Float32Array(24).fill(0.5) };

const common = (runtime: Runtime, more: Partial<TrainOptions> = {}): TrainOptions => ({
  runtime,
  data,
  objective,
  out: fresh(),
  progress: 'none',
  iterations: 8,
  batchSize: 8,
  seed: 3,
  checkpointEvery: 3,
  logEvery: 1,
  ...more,
});

/** Options that abort a run once a step has been taken. */
function stopAfter(step: number): Pick<TrainOptions, 'signal' | 'callbacks'> {
  const stop = new AbortController();
  const halt = (now: number): void => (now === step ? stop.abort() : undefined);
  return { signal: stop.signal, callbacks: [{ name: 'halt', every: 1, run: (moment) => halt(moment.step) }] };
}

const losses = ({ log }: TrainResult): (number | undefined)[] => log.map(({ loss }) => loss);

describe.each([
  ['reference', (): Promise<Runtime> => Promise.resolve(referenceRuntime())],
  ['onnx', (): Promise<Runtime> => onnxRuntime({ device: 'cpu', threads: 1 })],
])('a network with a label, a number, a text and dropout on %s', (_, open) => {
  test('trains, is resumed to the bit, and loads from its checkpoint and its file', async () => {
    const runtime = await open();
    const out = fresh();
    const whole = await trainVelocityField({ ...common(runtime), network, out });
    const resumable = common(runtime);
    await trainVelocityField({ ...resumable, ...stopAfter(4), network });
    const resumed = await trainVelocityField({ ...resumable, network });
    expect(resumed).toMatchObject({ completed: true, step: 8 });
    expect(resumed.model.params).toEqual(whole.model.params);
    expect(losses(resumed)).toEqual(losses(whole));

    const file = await loadVelocityField(join(out, 'teacher.safetensors'));
    expect(file.params).toEqual(whole.model.params);
    expect(file.network.conditions).toEqual(data.conditions);
    expect(file.network.draws).toEqual(network.draws);
    const checkpoint = join(out, 'checkpoints/0000008');
    expect((await loadTrained(checkpoint, { average: 'ema' })).params).toEqual(whole.model.params);
    expect((await loadTrained(checkpoint)).network.config).toEqual(network.config);
    // The training used every condition.
    for (const name of ['class.weight', 'condition.guidance.1.weight', 'condition.text.1.weight']) {
      expect(whole.model.params[name]).not.toEqual(network.init(3)[name]);
    }
  });

  test('is distilled into a student that takes them all', async () => {
    const runtime = await open();
    const { model: teacher } = await trainVelocityField({ ...common(runtime), network });
    const out = fresh();
    const whole = await distill({ ...common(runtime, { objective: ayfEmd() }), teacher, out });
    expect((await loadFlowMap(join(out, 'student.safetensors'))).params).toEqual(whole.model.params);
    const resumable = { ...common(runtime, { objective: ayfEmd() }), teacher };
    await distill({ ...resumable, ...stopAfter(5) });
    expect((await distill(resumable)).model.params).toEqual(whole.model.params);
  });
});

describe('dropout', () => {
  const runtime = referenceRuntime();
  const dropping = (dropout: number): Model['network'] => mlp({ ...network.config, dropout });

  test('is drawn anew in each step, alike for the same seed', async () => {
    const batch = await data.batch([0, 1, 2, 3]);
    const drawn = (seed: number, step: number): unknown =>
      objectivePhase({ network, objective, batchSize: 4, seed }).feeds({ step, iterations: 9 }, batch)[
        'draws.block0.dropout'
      ];
    expect(drawn(0, 3)).toEqual(drawn(0, 3));
    expect(drawn(0, 3)).not.toEqual(drawn(0, 4));
    expect(drawn(0, 3)).not.toEqual(drawn(1, 3));
    expect(drawn(0, 3)).toMatchObject({ shape: [4, 8], dtype: 'float32' });
  });

  test('is off in held-out losses and in samples', async () => {
    const seen = async (dropout: number): Promise<unknown> => {
      const samples: number[][] = [];
      const { log } = await trainVelocityField({
        // No training, and no initial weights, whose output is zero.
        ...common(runtime, { learningRate: 0, iterations: 2, seed: 1 }),
        network: { ...dropping(dropout), init: () => stirred },
        callbacks: [
          validationLoss({ phase: objective.name, batches: loader(data, { batchSize: 8, seed: 9 }), every: 1 }),
          previewSamples({
            every: 1,
            batchSize: 2,
            noise,
            conditions: told,
            times: uniformGrid(2),
            onSamples: ({ data }) => void samples.push([...data]),
          }),
        ],
      });
      return { held: log.map((record) => record['validation.loss']), trained: log.map(({ loss }) => loss), samples };
    };
    const [none, half] = (await Promise.all([seen(0), seen(0.5)])) as Record<string, unknown>[];
    expect(half!['held']).toEqual(none!['held']);
    expect(half!['samples']).toEqual(none!['samples']);
    expect(half!['trained']).not.toEqual(none!['trained']);
  });
  const stirred = Object.fromEntries(
    Object.entries(network.init(2)).map(([name, value], k) => [
      name,
      { ...value, data: Float32Array.from(value.data, (x, i) => x + 0.1 * Math.sin(k + 3 * i)) },
    ]),
  );
});

describe('what does not fit is refused before anything is written', () => {
  const { label, guidance, text } = data.conditions as Record<'label' | 'guidance' | 'text', Dataset['conditions'][string]>; // prettier-ignore
  const takes = "data: network 'mlp' takes the condition";
  test.each<[string, Dataset['conditions'], string]>([
    ['a condition that is missing', { label, guidance }, `${takes} 'text' as float32 [3, 4], 'told points' has it as nothing`], // prettier-ignore
    ['one of another shape', { label, guidance, text: { ...text, shape: [4] } }, `${takes} 'text' as float32 [3, 4], 'told points' has it as float32 [4]`], // prettier-ignore
    ['one of another dtype', { label, text, guidance: { ...guidance, dtype: 'int32' } }, `${takes} 'guidance' as float32 [], 'told points' has it as int32 []`], // prettier-ignore
    ['one of other categories', { guidance, text, label: { ...label, categories: 3 } }, `${takes} 'label' as int32 [] of 2 categories, 'told points' has it as int32 [] of 3 categories`], // prettier-ignore
  ])('%s', async (_, conditions, message) => {
    const options = common(referenceRuntime(), { data: { ...data, conditions } });
    const error = await trainVelocityField({ ...options, network }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toBe(message);
    await expect(readdir(options.out)).rejects.toThrow('ENOENT');
  });

  test('a teacher that takes what the student does not', async () => {
    const teacher: Model = { kind: 'velocity', network, params: network.init(0), classes: data.classes };
    const plain = mlp({ shape: [2], classes: 2, interval: true, width: 8, depth: 1 });
    const student: Model = { kind: 'flowMap', network: plain, params: plain.init(0), classes: data.classes };
    const options = common(referenceRuntime(), { objective: ayfEmd() });
    await expect(distill({ ...options, teacher, student })).rejects.toThrow(
      "teacher: it takes the condition 'guidance' as float32 [], the student has it as nothing",
    );
    const other: Model = { ...student, classes: ['right', 'left'] };
    await expect(
      distill({ ...options, teacher: { evaluate: (x) => Promise.resolve(x) }, student: other }),
    ).rejects.toThrow(
      'data: the model to train has the classes ["right","left"], in this order; \'told points\' has ["left","right"]',
    );
    const wide = mlp({ ...plain.config, shape: [3] });
    const far: Model = { ...student, network: wide, params: wide.init(0) };
    const points = { ...data, shape: [3] };
    await expect(distill({ ...options, data: points, teacher, student: far })).rejects.toThrow(
      "teacher: its samples are [2], the student's are [3]",
    );
    await expect(readdir(options.out)).rejects.toThrow('ENOENT');
  });
});

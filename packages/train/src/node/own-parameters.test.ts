import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mlp, type Objective } from '@flowmap/core';
import { loadVelocityField } from '@flowmap/core/node';
import { checkerboard } from '@flowmap/data';
import { flowMatching } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, type Runtime, type Tensors } from '@flowmap/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { latestCheckpoint, loadCheckpoint, loadTrained } from './checkpoints.js';
import type { TrainVelocityFieldOptions } from './options.js';
import { trainVelocityField } from './train.js';
import { constantSchedule } from '../schedules.js';
import { trainee } from '../trainee.js';

let scratch = '';
let count = 0;
beforeAll(async () => (scratch = await mkdtemp(join(tmpdir(), 'flowmap-own-'))));
afterAll(async () => rm(scratch, { recursive: true }));
const fresh = (): string => join(scratch, String(count++));

const matching = flowMatching();
/** Flow matching with a learned weight u(t) = a + b t: the loss e^-u L + u, whose minimum is at u = log L. */
const weighted: Objective = {
  ...matching,
  name: 'weighted',
  own: {
    parameters: { weight: { shape: [2], dtype: 'float32' } },
    init: () => ({ weight: hostTensor([2], new Float32Array(2)) }),
    apply: (params: Tensors) => params['weight']!,
  },
  loss(context) {
    const { loss, metrics } = matching.loss(context);
    const [a, b] = [context.own['weight']!.slice([0], [1]), context.own['weight']!.slice([1], [2])];
    const u = a.add(b.mul(context.t)).mean();
    return { loss: u.neg().exp().mul(loss).add(u), metrics: { ...metrics, plain: loss, u } };
  },
};
const network = mlp({ shape: [2], width: 8, depth: 1 });
const options = (runtime: Runtime, more: Partial<TrainVelocityFieldOptions> = {}): TrainVelocityFieldOptions => ({
  runtime,
  data: checkerboard(),
  network,
  objective: weighted,
  learningRate: constantSchedule(0.02),
  iterations: 8,
  batchSize: 16,
  seed: 2,
  checkpointEvery: 3,
  logEvery: 1,
  out: fresh(),
  progress: 'none',
  ...more,
});

describe.each([
  ['reference', (): Promise<Runtime> => Promise.resolve(referenceRuntime())],
  ['onnx', (): Promise<Runtime> => onnxRuntime({ device: 'cpu', threads: 1 })],
])("an objective's own parameters on %s", (_, open) => {
  test('are trained and kept in checkpoints, and are none of the model', async () => {
    const runtime = await open();
    const whole = options(runtime);
    const { model } = await trainVelocityField(whole);
    expect(Object.keys(model.params)).toEqual(Object.keys(network.parameters));
    expect((await loadVelocityField(join(whole.out, 'teacher.safetensors'))).params).toEqual(model.params);
    const checkpoint = (await latestCheckpoint(whole.out))!;
    expect((await loadTrained(checkpoint, { average: 'ema' })).params).toEqual(model.params);
    expect(Object.keys((await loadTrained(checkpoint)).params).sort()).toEqual(Object.keys(network.parameters).sort());
    const trainees = { student: trainee({ model, objective: weighted, learningRate: 0 }) };
    const { state } = await loadCheckpoint(checkpoint, trainees);
    for (const part of ['params', 'm', 'v', 'ema']) {
      expect(Array.from(state[`student.${part}.own.weight`]!.data).some((value) => value !== 0)).toBe(true);
    }

    const resumable = options(runtime);
    const stop = new AbortController();
    const halt = (step: number): void => (step === 4 ? stop.abort() : undefined);
    const callbacks = [{ name: 'halt', every: 1, run: ({ step }: { readonly step: number }) => halt(step) }];
    await trainVelocityField({ ...resumable, signal: stop.signal, callbacks });
    expect((await trainVelocityField(resumable)).model.params).toEqual(model.params);
    expect((await loadCheckpoint((await latestCheckpoint(resumable.out))!, trainees)).state).toEqual(state);
  });
});

test('a learned weight finds the logarithm of the loss', async () => {
  const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });
  const { log } = await trainVelocityField(options(runtime, { iterations: 400, batchSize: 64, checkpointEvery: 400 }));
  const mean = (name: string): number => log.slice(-100).reduce((sum, record) => sum + record[name]! / 100, 0);
  // Losses of batches of 64 differ by some tenths, and the weight follows their mean.
  expect(Math.abs(mean('u') - Math.log(mean('plain')))).toBeLessThan(0.15);
  expect(log[0]!['u']).toBe(0);
});

test('a metric of an average that an objective needs is of that average', async () => {
  const towards: Objective = {
    ...matching,
    name: 'towards the average',
    needs: { teacher: false, average: 'slow' },
    loss({ student, average, xt, t, x0, noise }) {
      const error = student.averageVelocity(xt, t, t).sub(noise.sub(x0)).square().mean();
      const difference = student.averageVelocity(xt, t, t).sub(average!.averageVelocity(xt, t, t));
      const apart = difference.abs().mean();
      return { loss: error, metrics: { apart } };
    },
  };
  const run = options(referenceRuntime(), { objective: towards });
  const { log } = await trainVelocityField({ ...run, averages: { slow: 0.99 } });
  expect(log[0]!['apart']).toBe(0);
  expect(log.at(-1)!['apart']).toBeGreaterThan(0);
  await expect(trainVelocityField({ ...run, out: fresh() })).rejects.toThrow(
    "trainee 'student' has no average 'slow'; it has: ema",
  );
});

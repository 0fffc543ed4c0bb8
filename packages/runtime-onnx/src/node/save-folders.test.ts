import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mlp } from '@flowmap/core';
import * as ort from 'onnxruntime-node';
import { afterAll, expect, it } from 'vitest';
import { feedsOf, inputsOf, largestDifference, modelOf } from '../export/__fixtures__/exported.js';
import { saveDiffusers, saveTransformersJs } from './save-folders.js';
import { saveOnnx } from './save-onnx.js';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-onnx-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const shape = [2];
const student = modelOf('flowMap', mlp({ shape, classes: 3, interval: true, width: 40, depth: 1 }));
const field = modelOf('velocity', mlp({ shape, width: 8, depth: 1 }));
const json = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;

it('a folder for transformers.js holds the sampler in each precision, and how many files of weights there are', async () => {
  const folder = join(scratch, 'transformers.js');
  const { files } = await saveTransformersJs(folder, student, {
    steps: 2,
    externalAbove: 20_000,
    mostBytesPerFile: 12_000,
  });
  const names = files.map(({ path }) => path.replace(`${folder}/`, ''));
  expect(names).toEqual(expect.arrayContaining(['config.json', 'onnx/model_fp16.onnx', 'onnx/model_quantized.onnx']));
  const count = names.filter((name) => name.startsWith('onnx/model.onnx_data')).length;
  expect(count).toBeGreaterThan(1);
  const config = json(join(folder, 'config.json'));
  expect(config).toMatchObject({ model_type: 'flowmap', flowmap_steps: '2', flowmap_classes: '["cat","dog","owl"]' });
  expect(config['transformers.js_config']).toMatchObject({ use_external_data_format: { 'model.onnx': count } });
  // onnxruntime finds the weights beside the model.
  const session = await ort.InferenceSession.create(join(folder, 'onnx/model.onnx'));
  expect(session.inputNames).toEqual(['noise', 'times', 'label']);
  await session.release();
});

it('steps of a scheduler of diffusers with a network for it are the steps of our sampler', async () => {
  const [folder, file] = [join(scratch, 'diffusers'), join(scratch, 'sampler.onnx')];
  await saveDiffusers(folder, student);
  await saveOnnx(file, student, { steps: 2 });
  expect(json(join(folder, 'model_index.json'))).toMatchObject({ unet: ['diffusers', 'OnnxRuntimeModel'] });
  expect(json(join(folder, 'scheduler/scheduler_config.json'))).toMatchObject({
    ...{ _class_name: 'FlowMapEulerDiscreteScheduler', num_train_timesteps: 1000, shift: 1 },
  });
  const [sampler, network] = await Promise.all(
    [file, join(folder, 'unet/model.onnx')].map((path) => ort.InferenceSession.create(path)),
  );
  const feeds = feedsOf(ort, inputsOf(student, 5, 2));
  const { samples } = await sampler!.run(feeds);
  let sample = Float32Array.from(feeds['noise']!.data as Float32Array);
  for (const [t, r] of [
    [1000, 500],
    [500, 0],
  ] as const) {
    // prettier-ignore
    const { out_sample: velocity } = await network!.run({
      sample: new ort.Tensor('float32', sample, [5, 2]),
      timestep: new ort.Tensor('float32', new Float32Array(5).fill(t), [5]),
      r_timestep: new ort.Tensor('float32', new Float32Array(5).fill(r), [5]),
      class_labels: feeds['label']!,
    });
    sample = sample.map((x, i) => x - ((t - r) / 1000) * (velocity!.data as Float32Array)[i]!);
  }
  expect(largestDifference(sample, samples!.data as Float32Array)).toBeLessThan(1e-5); // rounding of float32
  await Promise.all([sampler!.release(), network!.release()]);
});

it('a velocity field has the scheduler of flow matching and takes one time', async () => {
  const folder = join(scratch, 'field');
  await saveDiffusers(folder, field, { precision: 'float16' });
  expect(readdirSync(folder).sort()).toEqual(['model_index.json', 'scheduler', 'unet']);
  expect(json(join(folder, 'model_index.json'))['scheduler']).toEqual(['diffusers', 'FlowMatchEulerDiscreteScheduler']);
  const session = await ort.InferenceSession.create(join(folder, 'unet/model.onnx'));
  expect([session.inputNames, session.outputNames]).toEqual([['sample', 'timestep'], ['out_sample']]);
  await session.release();
});

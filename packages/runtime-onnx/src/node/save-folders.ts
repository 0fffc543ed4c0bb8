import { join } from 'node:path';
import type { Model } from '@flowmap/core';
import { writeFileAtomic } from '@flowmap/core/node';
import type { ExportedOnnx, StorageOptions } from '../export/assemble.js';
import { exportNetwork } from '../export/export-network.js';
import type { ExportOnnxOptions } from '../export/export-onnx.js';
import { saveOnnx, writeExported, type SavedOnnx } from './save-onnx.js';

/** File names of transformers.js for each precision. */
const NAMES = { float32: 'model.onnx', float16: 'model_fp16.onnx', int8: 'model_quantized.onnx' } as const;

/**
 * Writes a folder in the layout that transformers.js reads: the sampler of {@link exportOnnx} in three precisions, as
 * `onnx/model.onnx`, `model_fp16.onnx` and `model_quantized.onnx`, which it loads for `dtype` `fp32`, `fp16` and `q8`,
 * and `config.json`.
 *
 * @throws what {@link saveOnnx} throws
 *
 * @example
 * await saveTransformersJs('student-onnx', student, { steps: 2 });
 */
export async function saveTransformersJs(
  folder: string,
  model: Model,
  options: Omit<ExportOnnxOptions, 'fileName' | 'precision'>,
): Promise<SavedOnnx> {
  const saved: SavedOnnx[] = [];
  const external: [string, number][] = [];
  for (const precision of ['float32', 'float16', 'int8'] as const) {
    const one = await saveOnnx(join(folder, 'onnx', NAMES[precision]), model, { ...options, precision });
    saved.push(one);
    if (one.files.length > 1) external.push([NAMES[precision], one.files.length - 1]);
  }
  const { 'flowmap.precision': _, ...metadata } = saved[0]!.metadata;
  const config = {
    model_type: 'flowmap',
    ...Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key.replace('flowmap.', 'flowmap_'), value])),
    ...(external.length > 0
      ? { 'transformers.js_config': { use_external_data_format: Object.fromEntries(external) } }
      : {}),
  };
  const files = [...saved.flatMap((one) => one.files), await writeJson(join(folder, 'config.json'), config)];
  return { files, metadata };
}

/**
 * Writes a folder in the layout of diffusers: the network of {@link exportNetwork} as `unet/model.onnx` for its
 * `OnnxRuntimeModel`, the scheduler that steps with it, `scheduler/scheduler_config.json`, and `model_index.json` that
 * names both. The scheduler is `FlowMapEulerDiscreteScheduler` for a flow map and `FlowMatchEulerDiscreteScheduler` for a
 * velocity field.
 *
 * @throws what {@link saveOnnx} throws
 *
 * @example
 * await saveDiffusers('teacher-diffusers', teacher);
 */
export async function saveDiffusers(
  folder: string,
  model: Model,
  options: Omit<StorageOptions, 'fileName'> = {},
): Promise<SavedOnnx> {
  const exported: ExportedOnnx = exportNetwork(model, options);
  const scheduler = model.kind === 'flowMap' ? 'FlowMapEulerDiscreteScheduler' : 'FlowMatchEulerDiscreteScheduler';
  const version = { _diffusers_version: '0.42.1' };
  const files = [
    ...(await writeExported(join(folder, 'unet', 'model.onnx'), exported)),
    await writeJson(join(folder, 'scheduler', 'scheduler_config.json'), {
      _class_name: scheduler,
      ...version,
      num_train_timesteps: 1000,
      shift: 1,
    }),
    await writeJson(join(folder, 'model_index.json'), {
      _class_name: 'DiffusionPipeline',
      ...version,
      unet: ['diffusers', 'OnnxRuntimeModel'],
      scheduler: ['diffusers', scheduler],
    }),
  ];
  return { files, metadata: exported.metadata };
}

async function writeJson(path: string, value: object): Promise<SavedOnnx['files'][number]> {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  await writeFileAtomic(path, text);
  return { path, bytes: Buffer.byteLength(text) };
}

import { readdir } from 'node:fs/promises';
import type { Model } from '@flowmap/core';
import type { SavedOnnx } from '@flowmap/runtime-onnx/node';
import { choice, pathArgument, requiredPath, whole, type Config } from '../command-line/options.js';
import { answering, type Answer, type Talk } from './command.js';
import { openModel } from './open-model.js';
import { chosenSampler, requireSampler, samplerOptions } from './samplers.js';

const EXPORT_OPTIONS = {
  checkpoint: pathArgument('a model, .safetensors'),
  out: requiredPath('the file to write, .onnx, or with another layout a new folder', 'FILE'),
  steps: whole('steps from noise to data; 4 for a flow map and 32 for a velocity field unless given', null),
  ...samplerOptions('flow-map for a flow map and euler for a velocity field'),
  noise: choice(
    'input, the default: the file takes the noise; inside: it draws other noise in each run, not that of our seeds',
    ['input', 'inside'],
    null,
  ),
  precision: choice(
    'how weights are stored, float32 unless given; all is computed in float32',
    ['float32', 'float16', 'int8'],
    null,
  ),
  batchSize: whole('samples per run, for a file of this batch size alone; any number unless given', null),
  layout: choice(
    'file; transformers.js: a folder with the sampler in each precision; diffusers: one with the network and a scheduler',
    ['file', 'transformers.js', 'diffusers'],
    'file',
  ),
};

type ExportConfig = Config<typeof EXPORT_OPTIONS>;

/** `flowmap export`: writes a checkpoint with its sampler as an ONNX file. */
export const exportCheckpoint = answering({
  name: 'flowmap export',
  description: 'Writes a flow map or a velocity field with its sampler as an ONNX file, which runs without Flowmap.',
  options: EXPORT_OPTIONS,
  resumes: false,
  run: writeOnnx,
});

async function writeOnnx(config: ExportConfig, talk: Talk): Promise<Answer> {
  const { checkpoint, out, layout } = config;
  await requirePlace(config);
  await requireEffects(config);
  await requireSampler(config);
  const model = await openModel(checkpoint);
  const { saved, how } = layout === 'diffusers' ? await writeNetwork(config, model) : await writeSampler(config, model);
  for (const { path, bytes } of saved.files) talk.print(`${path}: ${bytes} bytes`);
  talk.print(how.text);
  return { checkpoint, out, layout, files: saved.files, ...how.facts, metadata: saved.metadata };
}

interface Written {
  readonly saved: SavedOnnx;
  readonly how: { readonly text: string; readonly facts: Answer };
}

async function writeNetwork({ out, precision }: ExportConfig, model: Model): Promise<Written> {
  const { saveDiffusers } = await import('@flowmap/runtime-onnx/node');
  const saved = await saveDiffusers(out, model, precision === null ? {} : { precision });
  const facts = { precision: precision ?? 'float32' };
  return { saved, how: { text: `the network alone, weights in ${facts.precision}`, facts } };
}

async function writeSampler(config: ExportConfig, model: Model): Promise<Written> {
  const { out, layout, batchSize, noise, precision } = config;
  const { saveOnnx, saveTransformersJs } = await import('@flowmap/runtime-onnx/node');
  const isFlowMap = model.kind === 'flowMap';
  const sampler = await chosenSampler(config, isFlowMap ? 'flow-map' : 'euler');
  const steps = config.steps ?? (isFlowMap ? 4 : 32);
  const options = {
    steps,
    sampler,
    ...(noise === null ? {} : { noise }),
    ...(batchSize === null ? {} : { batchSize }),
  };
  const saved =
    layout === 'file'
      ? await saveOnnx(out, model, { ...options, ...(precision === null ? {} : { precision }) })
      : await saveTransformersJs(out, model, options);
  const facts = {
    ...{ steps, sampler: sampler.name, noise: noise ?? 'input', batchSize },
    precision: layout === 'file' ? (precision ?? 'float32') : 'float32, float16, int8',
  };
  const inputs = [...(noise === 'inside' ? [] : ['noise']), 'times', ...Object.keys(model.network.conditions)];
  const text =
    `${steps} ${steps === 1 ? 'step' : 'steps'} by ${sampler.name}, weights in ${facts.precision}; ` +
    `inputs ${inputs.join(', ')}; times ${saved.metadata['flowmap.times']!}`;
  return { saved, how: { text, facts } };
}

/** @throws {ConfigError} for a name that is not that of an ONNX file, or a folder that is not empty */
async function requirePlace({ out, layout }: ExportConfig): Promise<void> {
  const { ConfigError } = await import('@flowmap/core');
  if (layout === 'file') {
    if (!out.toLowerCase().endsWith('.onnx')) throw new ConfigError('--out', `wanted FILE.onnx, got '${out}'`);
    return;
  }
  let entries: string[] = [];
  try {
    entries = await readdir(out);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new ConfigError('--out', `wanted a new folder, and '${out}' cannot be read as one`);
    }
  }
  if (entries.length > 0) throw new ConfigError('--out', `the folder '${out}' is not empty; give a new one`);
}

/** @throws {ConfigError} for an option without a meaning in the layout */
async function requireEffects(config: ExportConfig): Promise<void> {
  const idle = {
    file: [],
    'transformers.js': ['precision'],
    diffusers: ['steps', 'sampler', 'gamma', 'noise', 'batchSize'],
  } as const;
  const option = idle[config.layout].find((name) => config[name] !== null);
  if (option === undefined) return;
  const { ConfigError } = await import('@flowmap/core');
  const why = config.layout === 'diffusers' ? 'the folder holds the network, and a scheduler steps' : 'it holds each';
  throw new ConfigError(
    `--${option === 'batchSize' ? 'batch-size' : option}`,
    `has no effect with --layout ${config.layout}: ${why}`,
  );
}

import { choice, pathArgument, requiredPath, whole, type Config } from '../command-line/options.js';
import { answering, type Answer, type Talk } from './command.js';
import { openModel } from './open-model.js';
import { samplerNamed, SAMPLERS } from './samplers.js';

const EXPORT_OPTIONS = {
  checkpoint: pathArgument('a model, .safetensors'),
  out: requiredPath('the file to write, .onnx', 'FILE'),
  steps: whole('steps from noise to data; 4 for a flow map and 32 for a velocity field unless given', null),
  sampler: choice('how to step; flow-map for a flow map and euler for a velocity field unless given', SAMPLERS, null),
  noise: choice(
    'input: the file takes the noise; inside: it draws other noise in each run, not that of our seeds',
    ['input', 'inside'],
    'input',
  ),
  precision: choice('how weights are stored; all is computed in float32', ['float32', 'float16', 'int8'], 'float32'),
  batchSize: whole('samples per run, for a file of this batch size alone; any number unless given', null),
};

/** `flowmap export`: writes a checkpoint with its sampler as an ONNX file. */
export const exportCheckpoint = answering({
  name: 'flowmap export',
  description: 'Writes a flow map or a velocity field with its sampler as an ONNX file, which runs without Flowmap.',
  options: EXPORT_OPTIONS,
  resumes: false,
  run: writeOnnx,
});

async function writeOnnx(config: Config<typeof EXPORT_OPTIONS>, talk: Talk): Promise<Answer> {
  const { checkpoint, out, noise, precision, batchSize } = config;
  const { ConfigError } = await import('@flowmap/core');
  if (!out.toLowerCase().endsWith('.onnx')) throw new ConfigError('--out', `wanted FILE.onnx, got '${out}'`);
  const { saveOnnx } = await import('@flowmap/runtime-onnx/node');
  const model = await openModel(checkpoint);
  const isFlowMap = model.kind === 'flowMap';
  const sampler = await samplerNamed(config.sampler ?? (isFlowMap ? 'flow-map' : 'euler'));
  const steps = config.steps ?? (isFlowMap ? 4 : 32);
  const options = { steps, sampler, noise, precision, ...(batchSize === null ? {} : { batchSize }) };
  const { files, metadata } = await saveOnnx(out, model, options);
  for (const { path, bytes } of files) talk.print(`${path}: ${bytes} bytes`);
  const inputs = [...(noise === 'input' ? ['noise'] : []), 'times', ...Object.keys(model.network.conditions)];
  talk.print(
    `${steps} ${steps === 1 ? 'step' : 'steps'} by ${sampler.name}, weights in ${precision}; inputs ${inputs.join(', ')}; ` +
      `times ${metadata['flowmap.times']!}`,
  );
  return { checkpoint, out, files, steps, sampler: sampler.name, noise, precision, batchSize, metadata };
}

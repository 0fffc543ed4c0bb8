import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, flowMapFrom, quoted, type Model, type ReadLimits } from '@flowmap/core';
import { loadModel } from '@flowmap/core/node';
import type { DistillOptions, TrainVelocityFieldOptions } from './options.js';
import { readRunConfig } from './run-config.js';
import { namesIn, resultFile } from './run-folder.js';

/**
 * The model that `from` names.
 *
 * @param from a model, the path of its file, or the folder of a finished run
 * @throws {ConfigError} for the folder of a run that is not finished
 * @throws {CheckpointError} when there is no such file, or it is damaged or exceeds a limit
 */
export async function modelFrom(from: Model | string, limits?: ReadLimits): Promise<Model> {
  if (typeof from !== 'string') return from;
  const isFolder = await stat(from).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) return loadModel(from, limits);
  const { kind } = await readRunConfig(join(from, 'config.json'), limits);
  if (!(await namesIn(from)).includes(resultFile[kind])) {
    throw new ConfigError('from', `wanted the folder of a finished run, got '${from}', whose run is not finished`);
  }
  return loadModel(join(from, resultFile[kind]), limits);
}

/**
 * The model that `trainVelocityField` starts from.
 *
 * @throws {ConfigError} when there is neither a network nor `from`, or they do not fit each other
 */
export async function startingField(options: TrainVelocityFieldOptions): Promise<Model> {
  const { network, seed, data, path, parametrization, limits } = options;
  if (options.from !== undefined) {
    const from = await modelFrom(options.from, limits);
    requireSame('network', network?.config, from.network.config);
    requireSame('path', path, from.path ?? 'linear');
    requireSame('parametrization', parametrization, from.parametrization ?? 'euler');
    return from;
  }
  if (network === undefined) {
    throw new ConfigError('network', 'wanted a network to train, or `from` to start from its weights; got neither');
  }
  return {
    kind: network.config.interval ? 'flowMap' : 'velocity',
    network,
    params: network.init(seed),
    classes: network.conditions['label'] ? data.classes : [],
    ...(path === undefined ? {} : { path }),
    ...(parametrization === undefined ? {} : { parametrization }),
  };
}

function requireSame(option: string, given: unknown, own: unknown): void {
  if (given === undefined || JSON.stringify(given) === JSON.stringify(own)) return;
  throw new ConfigError(option, `wanted that of \`from\`, ${quoted(own)}, or none; got ${quoted(given)}`);
}

/**
 * The flow map that `distill` should start from; undefined if it starts as its teacher.
 *
 * @throws {ConfigError} when `student` is not a flow map, or is given together with `from`
 */
export async function startingStudent({ student, from, seed, limits }: DistillOptions): Promise<Model | undefined> {
  if (student !== undefined && from !== undefined) {
    throw new ConfigError('from', 'wanted either `student` or `from`, got both');
  }
  if (student !== undefined && student.kind !== 'flowMap') {
    throw new ConfigError('student', 'wanted a flow map, got a velocity field; flowMapFrom makes one of it');
  }
  if (from === undefined) return student;
  const model = await modelFrom(from, limits);
  return model.kind === 'flowMap' ? model : flowMapFrom(model, seed);
}

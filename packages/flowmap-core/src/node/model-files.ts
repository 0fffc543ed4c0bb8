import { readFile } from 'node:fs/promises';
import { causeText } from '@flowmap/tensor';
import { CheckpointError } from '../errors.js';
import type { ReadOptions } from '../limits.js';
import { decodeModel, encodeModel } from '../models/checkpoint.js';
import type { Model } from '../models/model.js';
import { writeFileAtomic } from './write-file-atomic.js';

/**
 * Writes a model to a self-describing safetensors file, atomically.
 *
 * @throws {ConfigError} when the parameters or class names are not those of the network
 * @throws {WriteError} when the file cannot be written
 */
export async function saveModel(path: string, model: Model): Promise<void> {
  await writeFileAtomic(path, encodeModel(model));
}

/**
 * Reads a model that {@link saveModel} wrote.
 *
 * @param options how much the file may ask for, and whether its checksums are compared
 * @throws {CheckpointError} for a file that is missing, corrupt, truncated, over a limit, does not match its checksums,
 *   or holds no model
 * @throws {ConfigError} for a limit that is not a number >= 1
 */
export async function loadModel(path: string, options: ReadOptions = {}): Promise<Model> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new CheckpointError(path, `cannot be read (${causeText(cause)})`, { cause });
  }
  return decodeModel(bytes, path, options);
}

/**
 * Reads a model that must be a velocity field, such as a teacher.
 *
 * @throws {CheckpointError} as {@link loadModel}, and for a flow map
 */
export function loadVelocityField(path: string, options: ReadOptions = {}): Promise<Model> {
  return loadKind(path, 'velocity', options);
}

/**
 * Reads a model that must be a flow map, such as a student.
 *
 * @throws {CheckpointError} as {@link loadModel}, and for a velocity field
 */
export function loadFlowMap(path: string, options: ReadOptions = {}): Promise<Model> {
  return loadKind(path, 'flowMap', options);
}

const names = { velocity: 'velocity field', flowMap: 'flow map' };

async function loadKind(path: string, kind: Model['kind'], options: ReadOptions): Promise<Model> {
  const model = await loadModel(path, options);
  if (model.kind !== kind) throw new CheckpointError(path, `holds a ${names[model.kind]}, wanted a ${names[kind]}`);
  return model;
}

import { stat } from 'node:fs/promises';
import type { Model } from '@flowmap/core';

/**
 * Tells a folder from a file, and fails if there is neither.
 *
 * @returns whether it is a folder
 * @throws {DataError} when there is no such file or folder
 */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    const { DataError } = await import('@flowmap/core');
    throw new DataError(path, 'there is no such file or folder, or it cannot be read; check the path', { cause });
  }
}

/**
 * Reads a checkpoint.
 *
 * @param kind what it must be; either unless given
 * @throws {FlowmapError} for a file that is missing, damaged, not a checkpoint, or of the other kind; the message says
 *   what to do
 */
export async function openModel(path: string, kind?: Model['kind']): Promise<Model> {
  const { CheckpointError, FlowmapError } = await import('@flowmap/core');
  const { registerImportedNetworks } = await import('@flowmap/runtime-onnx');
  const { loadFlowMap, loadModel, loadVelocityField } = await import('@flowmap/core/node');
  if (await isFolder(path)) {
    throw new CheckpointError(path, 'is a folder; give a file in it, such as student.safetensors');
  }
  registerImportedNetworks();
  const load = kind === undefined ? loadModel : { flowMap: loadFlowMap, velocity: loadVelocityField }[kind];
  try {
    return await load(path);
  } catch (cause) {
    if (!(cause instanceof CheckpointError)) throw cause;
    const maker = kind === 'velocity' ? '`flowmap train`' : '`flowmap train` or `flowmap distill`';
    throw new FlowmapError(`${cause.message}; give a model that ${maker} wrote`, { cause });
  }
}

import { basename, dirname, join } from 'node:path';
import type { Model } from '@flowmap/core';
import { writeFileAtomic } from '@flowmap/core/node';
import type { ExportedOnnx } from '../export/assemble.js';
import { exportOnnx, type ExportOnnxOptions } from '../export/export-onnx.js';

/** What was written. */
export interface SavedOnnx {
  /** The paths of the model and of its files of weights, with their sizes in bytes; the model is the first. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  readonly metadata: ExportedOnnx['metadata'];
}

/**
 * Writes a model with its sampler to an `.onnx` file, by {@link exportOnnx}, and files of weights beside it if there
 * are many. Each file is written atomically, the model last.
 *
 * @param path the file; a missing folder is created
 * @throws {ConfigError | UnsupportedError} as `exportOnnx` does, before anything is written
 * @throws {WriteError} when a file cannot be written
 *
 * @example
 * await saveOnnx('student.onnx', student, { steps: 2 });
 */
export async function saveOnnx(
  path: string,
  model: Model,
  options: Omit<ExportOnnxOptions, 'fileName'>,
): Promise<SavedOnnx> {
  const exported = exportOnnx(model, { ...options, fileName: basename(path) });
  return { files: await writeExported(path, exported), metadata: exported.metadata };
}

/** Writes an exported file and those beside it, the model last; returns all of them, the model first. */
export async function writeExported(path: string, { model, externalData }: ExportedOnnx): Promise<SavedOnnx['files']> {
  const beside = externalData.map((file) => ({ ...file, path: join(dirname(path), file.path) }));
  for (const { path: data, pieces } of beside) await writeFileAtomic(data, pieces);
  await writeFileAtomic(path, model);
  const written = beside.map(({ path: data, byteLength }) => ({ path: data, bytes: byteLength }));
  return [{ path, bytes: model.byteLength }, ...written];
}

import { basename, dirname, join } from 'node:path';
import type { Model } from '@flowmap/core';
import { writeFileAtomic } from '@flowmap/core/node';
import { exportOnnx, type ExportedOnnx, type ExportOnnxOptions } from '../export/export-onnx.js';

/** What was written. */
export interface SavedOnnx {
  /** The paths of the model and of its files of weights, with their sizes in bytes; the model is the first. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  readonly metadata: ExportedOnnx['metadata'];
}

/**
 * Writes a model with its sampler to an `.onnx` file, by {@link exportOnnx}, and files of weights beside it where there
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
  const beside = exported.externalData.map((file) => ({ ...file, path: join(dirname(path), file.path) }));
  for (const { path: data, pieces } of beside) await writeFileAtomic(data, pieces);
  await writeFileAtomic(path, exported.model);
  return {
    files: [
      { path, bytes: exported.model.byteLength },
      ...beside.map(({ path: data, byteLength }) => ({ path: data, bytes: byteLength })),
    ],
    metadata: exported.metadata,
  };
}

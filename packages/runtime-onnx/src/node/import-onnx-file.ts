import { open, readFile, realpath, type FileHandle } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { causeText, requireKnownOptions } from '@flowmap/tensor';
import { OnnxImportError } from '../import/import-error.js';
import { importModel, type ImportedOnnx, type ImportOnnxOptions } from '../import/import-onnx.js';
import { readModel } from '../import/read-model.js';
import { described, type ExternalRange } from '../import/read-tensor.js';
import { tensorsOf } from '../import/tensors-of.js';

/**
 * Imports an ONNX file as `importOnnx` does, with its weights in files beside it: these must be in its folder or below,
 * even if they are links.
 *
 * @param path the `.onnx` file
 * @throws {OnnxImportError} for a file that cannot be read or imported, and weights that are not there or not in its
 *   folder
 * @throws {ConfigError} for an unknown option or a value out of its range
 *
 * @example
 * const network = await importOnnxFile('unet/model.onnx');
 */
export async function importOnnxFile(
  path: string,
  options: Omit<ImportOnnxOptions, 'external' | 'source'> = {},
): Promise<ImportedOnnx> {
  requireKnownOptions('importOnnxFile', options, { trained: true, maxNodes: true });
  const fail = (problem: string, cause?: unknown): never => {
    throw new OnnxImportError(path, problem, undefined, { cause });
  };
  const bytes = await readFile(path).catch((cause: unknown) => fail(`it cannot be read: ${causeText(cause)}`, cause));
  const { graph } = readModel(bytes, path);
  const ranges = tensorsOf(graph).flatMap(
    (tensor) => described(tensor, (problem) => fail(`a tensor ${problem}`)).external ?? [],
  );
  const parts = await partsOf(dirname(path), ranges, fail);
  return importModel(bytes, { ...options, source: path }, (range) => parts.get(keyOf(range)));
}

function keyOf({ location, offset, length }: ExternalRange): string {
  return `${location}\n${offset}\n${length}`;
}

/** The bytes of every range, from files within a folder. */
async function partsOf(
  folder: string,
  ranges: readonly ExternalRange[],
  fail: (problem: string, cause?: unknown) => never,
): Promise<Map<string, Uint8Array>> {
  const parts = new Map<string, Uint8Array>();
  const files = new Map<string, FileHandle>();
  try {
    for (const range of ranges) {
      const { location, offset, length } = range;
      const opened = files.get(location) ?? (await openWithin(folder, location, fail));
      files.set(location, opened);
      const { size } = await opened.stat();
      if (offset + length > size)
        fail(`it wants bytes ${offset} to ${offset + length} of '${location}', which has ${size}`);
      const part = new Uint8Array(length);
      const { bytesRead } = await opened.read(part, 0, length, offset);
      if (bytesRead !== length) fail(`'${location}' ended while it was read`);
      parts.set(keyOf(range), part);
    }
  } finally {
    for (const file of files.values()) await file.close();
  }
  return parts;
}

async function openWithin(
  folder: string,
  location: string,
  fail: (problem: string, cause?: unknown) => never,
): Promise<FileHandle> {
  try {
    const [inside, path] = [await realpath(folder), await realpath(join(folder, location))];
    if (!path.startsWith(inside.endsWith(sep) ? inside : inside + sep))
      fail(`its weights '${location}' are not in its folder`);
    return await open(path, 'r');
  } catch (cause) {
    if (cause instanceof OnnxImportError) throw cause;
    return fail(`its weights '${location}' cannot be read: ${causeText(cause)}`, cause);
  }
}

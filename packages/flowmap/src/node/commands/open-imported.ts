import type { Model } from '@flowmap/core';
import type { ImportedModelOptions, ImportedOnnx } from '@flowmap/runtime-onnx';
import { mappingOf } from '../command-line/mapping.js';
import { openModel } from './open-model.js';

/** An ONNX file whose mapping fits it. */
export interface ImportedFile {
  readonly mapping: ImportedModelOptions;
  /** Shape of one sample, if the file or the mapping says it. */
  readonly shape: readonly number[] | undefined;
  /**
   * The model, whose shape and classes are those of data where neither file nor mapping says them.
   *
   * @param timeFactor factor of the mapping's `timeScale`; 1 unless given
   * @throws {ConfigError} for a shape or classes that nothing says
   */
  model(data?: { readonly shape: readonly number[]; readonly classes: readonly string[] }, timeFactor?: number): Model;
}

/** Whether a path is that of an ONNX file. */
export function isOnnx(path: string): boolean {
  return path.toLowerCase().endsWith('.onnx');
}

/**
 * Reads an ONNX file as a network.
 *
 * @param text the mapping, as on the command line, which is checked first
 * @param kind the model that is wanted; either unless given
 * @throws {OnnxImportError} for a file that cannot be imported
 * @throws {ConfigError} for a mapping that is missing, or does not fit the file, with the mapping that was tried
 */
export async function openImported(path: string, text: string | null, kind?: Model['kind']): Promise<ImportedFile> {
  const { ConfigError } = await import('@flowmap/core');
  const { importedModel, importedVelocity } = await import('@flowmap/runtime-onnx');
  const { importOnnxFile } = await import('@flowmap/runtime-onnx/node');
  const mapping = text === null ? undefined : await mappingOf(text);
  if (kind === 'velocity' && mapping?.s !== undefined) {
    throw new ConfigError('--mapping', 'a teacher is a velocity field; a file with target times, s, is a flow map');
  }
  const network = await importOnnxFile(path);
  if (mapping === undefined) {
    throw new ConfigError(
      '--mapping',
      `wanted one for '${path}', which says its inputs and what it predicts; the file takes ${valuesText(network.inputs).join(', ')}`,
    );
  }
  const { shape: given, classes, ...velocity } = mapping;
  importedVelocity(network, velocity);
  const own = network.inputs[mapping.x]!.shape.slice(1);
  const isKnown = own.every((extent) => typeof extent === 'number');
  const shape = given ?? (isKnown ? own : undefined);
  const label = mapping.conditions?.['label'];
  return {
    mapping,
    shape,
    model(data, timeFactor = 1) {
      const names = classes ?? (label === undefined ? [] : (data?.classes ?? []));
      if (label !== undefined && names.length === 0) {
        const wanted = `the input '${label}' takes classes; name them as "classes": ["…", …] in a FILE.json`;
        throw new ConfigError('--mapping', wanted);
      }
      const extents = shape ?? data?.shape;
      const sized = extents === undefined ? {} : { shape: extents };
      const times = timeFactor === 1 ? {} : { timeScale: (mapping.timeScale ?? 1) * timeFactor };
      return importedModel(network, { ...velocity, ...times, ...sized, classes: names });
    },
  };
}

/**
 * Reads a checkpoint, or with a mapping an ONNX file.
 *
 * @throws {FlowmapError} as {@link openModel} and {@link openImported} do, and for a mapping of a checkpoint
 */
export async function openEither(path: string, { mapping }: { readonly mapping: string | null }): Promise<Model> {
  if (isOnnx(path)) return (await openImported(path, mapping)).model();
  await requireNoMapping(mapping);
  return openModel(path);
}

/** @throws {ConfigError} for a mapping, which a checkpoint does without */
export async function requireNoMapping(mapping: string | null): Promise<void> {
  if (mapping === null) return;
  const { ConfigError } = await import('@flowmap/core');
  throw new ConfigError('--mapping', 'has no effect on a checkpoint, which says itself how it is read');
}

/** The name, type and extents of inputs or outputs. */
export function valuesText(values: ImportedOnnx['inputs']): string[] {
  return Object.entries(values).map(
    ([name, { dtype, shape }]) => `${name} ${dtype} [${shape.map((extent) => extent ?? 'any').join(', ')}]`,
  );
}

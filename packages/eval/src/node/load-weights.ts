import { ConfigError, decodeSafetensors } from '@flowmap/core';
import type { HostTensors } from '@flowmap/tensor';
import { decodeTorchFile } from '../weights/torch-file.js';
import { obtainFile, type WeightOptions } from './obtain-file.js';
import { clipMergesFile, weightFiles, type WeightFile } from './weight-files.js';

/** Networks whose published weights are known. */
export type WeightName = keyof typeof weightFiles;

/**
 * Published weights of a network, from a folder of files that are kept; each file's SHA-256 is checked whenever it is
 * read. Nothing is downloaded unless `download` says so.
 *
 * @param name `inception` (96 MB), `dinov2` (ViT-L/14, 1.2 GB), `clip` (ViT-L/14, 1.7 GB) or `clip-b32` (ViT-B/32, 605 MB)
 * @returns tensors by their names in the file
 * @throws {WeightsUnavailableError} if the file is not there and may not be downloaded, or the download fails; it says
 *   what to fetch and where to put it
 * @throws {CheckpointError} for a file in the folder that is not the published one
 * @throws {ConfigError} for an unknown name
 *
 * @example
 * const extractor = await inception({ runtime, weights: await loadWeights('inception', { download: true }) });
 */
export async function loadWeights(name: WeightName, options: WeightOptions = {}): Promise<HostTensors> {
  if (!Object.hasOwn(weightFiles, name)) {
    throw new ConfigError('loadWeights.name', `wanted one of ${Object.keys(weightFiles).join(', ')}, got '${name}'`);
  }
  return loadTensors(weightFiles[name], options);
}

/** Tensors of a file, whatever its format. */
export async function loadTensors(file: WeightFile, options: WeightOptions): Promise<HostTensors> {
  const bytes = await obtainFile(file, options);
  const isSafetensors = file.file.endsWith('.safetensors');
  return isSafetensors ? decodeSafetensors(bytes, file.file).tensors : decodeTorchFile(bytes, file.file);
}

/**
 * The published merges of CLIP's tokenizer, for `clipTokenizer`.
 *
 * @throws what {@link loadWeights} does
 */
export async function loadClipMerges(options: WeightOptions = {}): Promise<string> {
  return new TextDecoder().decode(await obtainFile(clipMergesFile, options));
}

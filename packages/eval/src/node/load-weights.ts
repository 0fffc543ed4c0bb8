import { ConfigError, decodeSafetensors } from '@flowmap/core';
import { requireKnownOptions, type HostTensors } from '@flowmap/tensor';
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
  requireKnownOptions('loadWeights', options, { folder: true, download: true, onProgress: true, signal: true });
  return loadTensors(fileOf('loadWeights', name), options);
}

/** A file of published weights in the folder whose SHA-256 has been checked. */
export interface FetchedFile {
  readonly path: string;
  readonly bytes: number;
  /** Whether it was not there before. */
  readonly downloaded: boolean;
}

/**
 * Downloads the published weights of a network, unless they are already in the folder, for {@link loadWeights} to find;
 * for CLIP also the merges of its tokenizer. Checks the SHA-256 of all files.
 *
 * @param name as for {@link loadWeights}
 * @throws what {@link loadWeights} does
 */
export async function fetchWeights(
  name: WeightName,
  options: Omit<WeightOptions, 'download'> = {},
): Promise<readonly FetchedFile[]> {
  requireKnownOptions('fetchWeights', options, { folder: true, onProgress: true, signal: true });
  const fetched: FetchedFile[] = [];
  for (const file of [...(name.startsWith('clip') ? [clipMergesFile] : []), fileOf('fetchWeights', name)]) {
    const { path, bytes, downloaded } = await obtainFile(file, { ...options, download: true });
    fetched.push({ path, bytes: bytes.length, downloaded });
  }
  return fetched;
}

function fileOf(operation: string, name: WeightName): WeightFile {
  if (Object.hasOwn(weightFiles, name)) return weightFiles[name];
  throw new ConfigError(`${operation}.name`, `wanted one of ${Object.keys(weightFiles).join(', ')}, got '${name}'`);
}

/** Tensors of a file, whatever its format. */
export async function loadTensors(file: WeightFile, options: WeightOptions): Promise<HostTensors> {
  const { bytes } = await obtainFile(file, options);
  const isSafetensors = file.file.endsWith('.safetensors');
  return isSafetensors ? decodeSafetensors(bytes, file.file).tensors : decodeTorchFile(bytes, file.file);
}

/**
 * The published merges of CLIP's tokenizer, for `clipTokenizer`.
 *
 * @throws what {@link loadWeights} does
 */
export async function loadClipMerges(options: WeightOptions = {}): Promise<string> {
  requireKnownOptions('loadClipMerges', options, { folder: true, download: true, onProgress: true, signal: true });
  return new TextDecoder().decode((await obtainFile(clipMergesFile, options)).bytes);
}

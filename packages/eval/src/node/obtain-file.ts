import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointError } from '@flowmap/core';
import { homeFolder } from '@flowmap/core/node';
import { causeText } from '@flowmap/tensor';
import { WeightsUnavailableError } from '../errors.js';
import type { WeightFile } from './weight-files.js';

/** Where weights are kept, and whether they may be downloaded. */
export interface WeightOptions {
  /**
   * Folder in which they are kept; unless given, the one named by the environment variable `FLOWMAP_WEIGHTS`, or
   * `flowmap/weights` in `XDG_CACHE_HOME` or `~/.cache`, or in the folder for temporary files if there is no
   * home folder.
   */
  readonly folder?: string;
  /** Whether a file that is not there is downloaded; false unless given. */
  readonly download?: boolean;
  /** Called while a file is downloaded, so only with `download`, with the bytes received so far and the total. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Ends a download; no effect without one. */
  readonly signal?: AbortSignal;
}

/** A file of the folder, checked to be the published one. */
export interface ObtainedFile {
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether it was not there before. */
  readonly downloaded: boolean;
}

/**
 * A file of the folder, downloaded if it is missing and downloads are allowed. Its hash is checked each time. A
 * download goes to a temporary file, which is renamed once it is complete and has the right hash.
 *
 * @throws {WeightsUnavailableError} if it is not there and may not be downloaded, or the download fails
 * @throws {CheckpointError} for a file in the folder that is not the published one, or cannot be read
 */
export async function obtainFile(
  file: WeightFile,
  { folder = defaultFolder(), download = false, ...options }: WeightOptions,
): Promise<ObtainedFile> {
  const path = join(folder, file.file);
  const found = await readIfThere(path);
  if (found === undefined && !download) {
    throw new WeightsUnavailableError(file.url, path, 'it is not there; pass { download: true }, or fetch it');
  }
  if (found === undefined) await downloadFile(file, folder, path, options);
  const bytes = found ?? (await readFile(path));
  const hash = createHash('sha256').update(bytes).digest('hex');
  if (hash !== file.sha256) {
    throw new CheckpointError(
      path,
      `is not the published file: wanted the SHA-256 ${file.sha256}, got ${hash}; remove it and fetch ${file.url}`,
    );
  }
  return {
    path,
    bytes: new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength),
    downloaded: found === undefined,
  };
}

function defaultFolder(): string {
  const { FLOWMAP_WEIGHTS, XDG_CACHE_HOME } = process.env;
  if (FLOWMAP_WEIGHTS !== undefined) return FLOWMAP_WEIGHTS;
  const home = homeFolder();
  const cache = XDG_CACHE_HOME ?? (home === undefined ? tmpdir() : join(home, '.cache'));
  return join(cache, 'flowmap', 'weights');
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CheckpointError(path, `cannot be read (${causeText(cause)})`, { cause });
  }
}

async function downloadFile(
  { url, sha256, bytes }: WeightFile,
  folder: string,
  path: string,
  { onProgress, signal }: Pick<WeightOptions, 'onProgress' | 'signal'>,
): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const response = await fetch(url, signal === undefined ? {} : { signal });
    if (!response.ok || response.body === null) throw new Error(`the server answers ${response.status}`);
    await mkdir(folder, { recursive: true });
    const target = await open(temporary, 'wx');
    const hash = createHash('sha256');
    let done = 0;
    try {
      for await (const chunk of response.body as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>) {
        done += chunk.length;
        if (done > bytes) break;
        hash.update(chunk);
        await target.writeFile(chunk);
        onProgress?.(done, bytes);
      }
      await target.sync();
    } finally {
      await target.close();
    }
    if (done !== bytes) throw new Error(`wanted ${bytes} bytes, got ${done > bytes ? 'more' : done}`);
    const got = hash.digest('hex');
    if (got !== sha256) throw new Error(`wanted the SHA-256 ${sha256}, got ${got}`);
    await rename(temporary, path);
  } catch (cause) {
    // The first error is the one to report.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new WeightsUnavailableError(url, path, `the download failed (${causeText(cause)}); fetch it yourself`, {
      cause,
    });
  }
}

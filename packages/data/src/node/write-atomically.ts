import { randomUUID } from 'node:crypto';
import { access, constants, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DataError } from '@flowmap/core';
import { messageOf } from './read-bytes.js';

/**
 * Writes a file so that its path holds either what was there before or all of the new bytes, never a part: to a temporary
 * file beside it, then by renaming. The folder is made if it is missing.
 *
 * @param chunks the bytes, written one after the other
 * @throws {DataError} when the file cannot be written; the temporary file is removed
 */
export async function writeAtomically(path: string, chunks: Iterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await makeFolder(dirname(path));
    await writeFile(temporary, chunks, { flag: 'wx' });
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first error is the one to report
    if (cause instanceof DataError) throw cause;
    throw new DataError(path, `cannot be written (${messageOf(cause)})`, { cause });
  }
}

/**
 * Makes a folder and those above it, unless it is there.
 *
 * @throws {DataError} when it cannot be made or written to
 */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw new DataError(folder, `cannot be made or written to (${messageOf(cause)})`, { cause });
  }
}

import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
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
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, chunks, { flag: 'wx' });
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first error is the one to report
    throw new DataError(path, `cannot be written (${messageOf(cause)})`, { cause });
  }
}

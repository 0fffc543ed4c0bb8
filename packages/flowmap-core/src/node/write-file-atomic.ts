import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { causeText } from '@flowmap/tensor';
import { WriteError } from '../errors.js';

/** Ending of a temporary file: a UUID and `.tmp`. */
const TEMPORARY = /\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;

/**
 * Writes a file so that, whatever happens meanwhile, its path holds either what was there before or all of the new content:
 * to a temporary file in the same folder, flushed to the disk, then renamed. A missing folder is made.
 *
 * @param content bytes, bytes in pieces that are written one after the other, or text that is written as UTF-8
 * @throws {WriteError} when the file cannot be written; the temporary file is removed, the former one untouched
 */
export async function writeFileAtomic(
  path: string,
  content: Uint8Array | Iterable<Uint8Array> | string,
): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, 'wx');
    try {
      await writeFile(file, content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    // The first error is the one to report.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new WriteError(path, `cannot be written (${causeText(cause)})`, { cause });
  }
}

/**
 * Removes the temporary files that processes which were killed in {@link writeFileAtomic} left in a folder; for those who know
 * that nobody else writes there now.
 *
 * @throws {WriteError} when the folder cannot be read or changed
 */
export async function removeTemporaries(folder: string): Promise<void> {
  try {
    const names = (await readdir(folder)).filter((name) => TEMPORARY.test(name));
    for (const name of names) await rm(join(folder, name), { force: true });
  } catch (cause) {
    throw new WriteError(folder, `cannot be cleared of temporary files (${causeText(cause)})`, { cause });
  }
}

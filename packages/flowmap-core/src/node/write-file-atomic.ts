import { randomUUID } from 'node:crypto';
import { open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { causeText } from '@flowmap/tensor';
import { WriteError } from '../errors.js';
import { makeFolder, syncFolder } from './sync-folder.js';

/** Ending of a temporary file: a UUID and `.tmp`. */
const TEMPORARY = /\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;

/**
 * Writes a file such that, whatever happens in the meantime, its path holds either the old content or all of the new:
 * the content goes to a temporary file in the same folder, which is flushed to disk and then renamed; then the folder is
 * flushed. A missing folder is created.
 *
 * @param content bytes, pieces of bytes that are written one after the other, or text that is written as UTF-8
 * @throws {WriteError} when the file cannot be written; the temporary file is removed, and the old file is untouched
 */
export async function writeFileAtomic(
  path: string,
  content: Uint8Array | Iterable<Uint8Array> | string,
): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await makeFolder(dirname(path));
    const file = await open(temporary, 'wx');
    try {
      await writeFile(file, content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    // The first error is the one to report.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new WriteError(path, `cannot be written (${causeText(cause)})`, { cause });
  }
}

/**
 * Removes the temporary files that processes killed during {@link writeFileAtomic} have left in a folder. Call it only
 * when nobody else is writing there.
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

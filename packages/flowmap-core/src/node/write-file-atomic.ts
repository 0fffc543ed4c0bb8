import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { WriteError } from '../errors.js';

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
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WriteError(path, `cannot be written (${reason})`, { cause });
  }
}

import { access, constants, mkdir } from 'node:fs/promises';
import { DataError } from '@flowmap/core';
import { messageOf } from './read-bytes.js';

/**
 * Creates a folder and its parents unless it exists.
 *
 * @throws {DataError} when it cannot be created or written to
 */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw new DataError(folder, `cannot be made or written to (${messageOf(cause)})`, { cause });
  }
}

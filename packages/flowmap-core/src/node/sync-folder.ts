import { mkdir, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** The errors of systems that cannot open or flush a folder. */
const UNABLE = ['EISDIR', 'EACCES', 'EPERM', 'EINVAL', 'ENOTSUP', 'EBADF'];

/**
 * Flushes a folder to disk, so that creating, renaming and removing files in it survives a power loss. Does nothing on
 * systems that cannot do this.
 *
 * @throws the system's error when the disk fails
 */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const opened = await open(folder, 'r');
    try {
      await opened.sync();
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && UNABLE.includes(String(error.code)))) throw error;
  }
}

/**
 * Creates a folder and any missing folders above it, and flushes the folders in which they were
 * created.
 *
 * @throws the system's error when it cannot be created
 */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let path = resolve(folder); ; path = dirname(path)) {
    await syncFolder(dirname(path));
    if (path === resolve(first) || path === dirname(path)) return;
  }
}

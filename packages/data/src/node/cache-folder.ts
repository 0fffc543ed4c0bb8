import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { homeFolder } from '@flowmap/core/node';

/**
 * The default folder for decoded images: `flowmap` in the user's cache folder (`$XDG_CACHE_HOME` or `~/.cache`,
 * `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows).
 *
 * @returns undefined where there is no home folder
 */
export function defaultCacheFolder(): string | undefined {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (XDG_CACHE_HOME) return join(XDG_CACHE_HOME, 'flowmap');
  if (process.platform === 'win32' && LOCALAPPDATA) return join(LOCALAPPDATA, 'flowmap', 'Cache');
  const home = homeFolder();
  if (home === undefined) return undefined;
  return process.platform === 'darwin' ? join(home, 'Library', 'Caches', 'flowmap') : join(home, '.cache', 'flowmap');
}

const TEMPORARY = /\.pixels\.[0-9a-f-]{36}\.tmp$/;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Removes pixel files left by processes that were killed while writing: those that nobody has written to for a day. */
export async function removeLeftovers(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((other) => TEMPORARY.test(other))) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > DAY_MS) await rm(path, { force: true }).catch(() => undefined);
  }
}

import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '@flowmap/core';
import { mapConcurrently } from './map-concurrently.js';
import { unreadable } from './read-bytes.js';

/** Number of file system calls in flight. */
export const CONCURRENCY = 32;

/** The files of a folder: those directly in it, and those at any depth below each of its sub-folders. */
export interface Scan {
  readonly folder: string;
  /** Paths relative to the folder, with `/`: those of each group in turn, sorted by code units within it. */
  readonly names: readonly string[];
  /** The files directly in the folder, under the name '', and then those of each sub-folder. */
  readonly groups: readonly ScanGroup[];
}

/** Files of a scan that belong together. */
interface ScanGroup {
  /** The sub-folder, or '' for the files directly in the folder. */
  readonly name: string;
  /** Its files are `names[start]` to `names[end - 1]`. */
  readonly start: number;
  readonly end: number;
}

/**
 * Finds all files of a folder. Hidden names are left out, links are followed, and a folder to which links lead back
 * is read once in each group.
 *
 * @param classes the sub-folders to search; `[]` = none; omit to search all
 * @param once whether a folder is read once in all groups together
 * @throws {DataError} when a folder is missing or cannot be read, or two classes are the same
 *   folder
 */
export async function scanFolder(folder: string, classes?: readonly string[], once = false): Promise<Scan> {
  const root = await contentsOf(folder);
  const names = [...root.files];
  const groups: ScanGroup[] = [{ name: '', start: 0, end: names.length }];
  const home = await realpath(folder);
  let seen = new Set([home]);
  if (classes && !once) await requireApart(folder, classes);
  for (const name of classes ?? root.folders) {
    const start = names.length;
    if (!once) seen = new Set([home]);
    for (const file of await filesBelow(folder, name, seen)) names.push(file);
    groups.push({ name, start, end: names.length });
  }
  return { folder, names, groups };
}

/** Refuses classes that are the same folder, by links or by names that the file system treats as equal. */
async function requireApart(folder: string, classes: readonly string[]): Promise<void> {
  const names = new Map<string, string>();
  for (const name of classes) {
    const path = join(folder, name);
    const real = await realpath(path).catch((cause: unknown) => {
      throw unreadable(path, cause);
    });
    const other = names.get(real);
    if (other !== undefined) throw new DataError(path, `is the same folder as the class '${other}'; give one of them`);
    names.set(real, name);
  }
}

/** The files of a sub-folder at any depth, without those of folders already read. */
async function filesBelow(folder: string, name: string, seen: Set<string>): Promise<string[]> {
  const files: string[] = [];
  for (let level = [name]; level.length > 0;) {
    const reals = await mapConcurrently(level, CONCURRENCY, async (inside) => {
      const path = join(folder, inside);
      return realpath(path).catch(() => path);
    });
    const fresh = level.filter((_, i) => !seen.has(reals[i]!) && reals.indexOf(reals[i]!) === i);
    for (const path of reals) seen.add(path);
    const contents = await mapConcurrently(fresh, CONCURRENCY, (inside) => contentsOf(join(folder, inside)));
    level = contents.flatMap(({ folders }, i) => folders.map((inside) => `${fresh[i]!}/${inside}`));
    for (const [i, inside] of contents.entries()) for (const file of inside.files) files.push(`${fresh[i]!}/${file}`);
  }
  return files.sort(); // by UTF-16 code unit: the same everywhere
}

/** The names of the files and folders in a folder, each sorted; hidden ones are left out, links are followed. */
async function contentsOf(path: string): Promise<{ files: string[]; folders: string[] }> {
  const entries = await readdir(path, { withFileTypes: true }).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  const visible = entries.filter(({ name }) => !name.startsWith('.'));
  const areFolders = await mapConcurrently(visible, CONCURRENCY, isFolder);
  const named = (folder: boolean): string[] =>
    visible.flatMap(({ name }, i) => (areFolders[i] === folder ? [name] : [])).sort();
  return { files: named(false), folders: named(true) };
}

async function isFolder(entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const target = await stat(join(entry.parentPath, entry.name)).catch(() => entry);
  return target.isDirectory();
}

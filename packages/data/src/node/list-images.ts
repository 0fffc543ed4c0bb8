import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { DataError } from '@flowmap/core';
import { countFiles, countsInWords, totalOf, type FileCounts } from './file-counts.js';
import { mapConcurrently } from './map-concurrently.js';
import { unreadable } from './read-bytes.js';

/** One image of a folder. */
export interface ImageFile {
  /** Path relative to the folder: `name.png` or `class/name.png`. */
  readonly name: string;
  readonly path: string;
  readonly label: number;
  readonly bytes: number;
  /** Time of the last change, in milliseconds since 1970. */
  readonly modified: number;
}

/** The images of a folder, by class and then by name, in code-unit order, and counts of the other files. */
export interface ImageListing {
  readonly files: readonly ImageFile[];
  readonly classes: readonly string[];
  /** Files located where images are read that are not read themselves. */
  readonly leftOut: FileCounts;
  /** Files of any kind in folders too deep to be read. */
  readonly tooDeep: FileCounts;
}

/** The contents of a folder, each list sorted by name; hidden names are left out. */
export interface Contents {
  readonly path: string;
  readonly images: readonly string[];
  /** Other kinds of file, and dangling links. */
  readonly others: readonly string[];
  readonly folders: readonly string[];
}

const EXTENSIONS = new Set(['.png', '.jpg', '.jpeg', '.webp']);
export const CONCURRENCY = 32; // file-system calls in flight

/**
 * Finds the images of a folder: those directly in it (unconditional), or those in its sub-folders (one class each).
 *
 * @param classes the sub-folders to use, in the order of their labels; `[]` = only images directly in the folder; omit
 *   to use whatever is there. Other sub-folders are ignored.
 * @throws {DataError} when the folder or a class is missing, a class or the whole folder has no images, or images lie
 *   both beside and in sub-folders and `classes` does not say which to use
 */
export async function listImages(folder: string, classes?: readonly string[]): Promise<ImageListing> {
  const root = await contentsOf(folder);
  const subFolders = await mapConcurrently(classes ?? root.folders, CONCURRENCY, async (name) => ({
    name,
    ...(await contentsOf(join(folder, name))),
  }));
  const filled = subFolders.find(({ images }) => images.length > 0);
  if (!classes && root.images.length > 0 && filled) {
    throw new DataError(
      folder,
      `has images directly in it (${root.images[0]!}) and in sub-folders (${filled.name}/${filled.images[0]!}): ` +
        `give 'classes', the sub-folders to use, or [] for the images directly in it`,
    );
  }
  const conditional = classes ? classes.length > 0 : filled !== undefined;
  const read = conditional ? subFolders : [{ ...root, name: undefined }];
  const tooDeep = (of: readonly Contents[]): Promise<FileCounts> =>
    countBelow(of.flatMap(foldersOf), [folder, ...of.map(({ path }) => path)]);

  const empty = subFolders.find(({ images }) => images.length === 0);
  if (conditional && empty) {
    const holds = whatIs(countFiles(empty.others), await tooDeep([empty]));
    throw new DataError(
      empty.path,
      `class '${empty.name}' has no images: it ${holds}. Remove it, convert its files to .png, .jpg or .webp and put them ` +
        `directly in it, or give 'classes', the sub-folders to use`,
    );
  }
  if (!conditional && root.images.length === 0) {
    const holds = whatIs(countFiles([root, ...subFolders].flatMap(({ others }) => others)), await tooDeep(subFolders));
    throw new DataError(
      folder,
      `has no images: wanted .png, .jpg, .jpeg or .webp files directly in it, or in one sub-folder for each class; it ${holds}`,
    );
  }
  const found = read.flatMap(({ name, path, images }, label) =>
    images.map((image) => ({ name: name === undefined ? image : `${name}/${image}`, path: join(path, image), label })),
  );
  const files = await mapConcurrently(found, CONCURRENCY, async (image) => {
    const { size, mtimeMs } = await stat(image.path).catch((cause: unknown) => {
      throw unreadable(image.path, cause);
    });
    return { ...image, bytes: size, modified: mtimeMs };
  });
  return {
    files,
    classes: conditional ? subFolders.map(({ name }) => name) : [],
    leftOut: countFiles([
      ...root.others,
      ...(conditional ? [...root.images, ...subFolders.flatMap(({ others }) => others)] : []),
    ]),
    tooDeep: conditional || !classes ? await tooDeep(read) : {},
  };
}

/**
 * Counts the files in folders and everything below them. A folder reached through several links counts once, and the
 * contents of an unreadable folder do not count.
 */
async function countBelow(folders: readonly string[], known: readonly string[]): Promise<FileCounts> {
  const real = (path: string): Promise<string> => realpath(path).catch(() => path);
  const seen = new Set(await mapConcurrently(known, CONCURRENCY, real));
  const names: string[][] = []; // level by level
  for (let level = folders; level.length > 0;) {
    const paths = new Set(await mapConcurrently(level, CONCURRENCY, real));
    const fresh = [...paths].filter((path) => !seen.has(path));
    for (const path of fresh) seen.add(path);
    const inside = await mapConcurrently(fresh, CONCURRENCY, (path) =>
      contentsOf(path).catch(() => ({ path, images: [], others: [], folders: [] })),
    );
    names.push(inside.flatMap(({ images, others }) => [...images, ...others]));
    level = inside.flatMap(foldersOf);
  }
  return countFiles(names.flat());
}

function foldersOf({ path, folders }: Contents): string[] {
  return folders.map((name) => join(path, name));
}

function whatIs(here: FileCounts, deeper: FileCounts): string {
  const parts = [
    ...(totalOf(here) > 0 ? [countsInWords(here)] : []),
    ...(totalOf(deeper) > 0 ? [`${countsInWords(deeper)} in deeper folders`] : []),
  ];
  return parts.length > 0 ? `holds ${parts.join(' and ')}` : 'is empty';
}

/** The contents of a folder, following links. */
export async function contentsOf(path: string): Promise<Contents> {
  const entries = await readdir(path, { withFileTypes: true }).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  const visible = entries.filter(({ name }) => !name.startsWith('.'));
  const kinds = await mapConcurrently(visible, CONCURRENCY, kindOf);
  const namesOf = (wanted: Kind): string[] =>
    visible.flatMap(({ name }, i) => (kinds[i] === wanted ? [name] : [])).sort(); // by UTF-16 code unit: the same everywhere
  return { path, images: namesOf('image'), others: namesOf('other'), folders: namesOf('folder') };
}

type Kind = 'image' | 'other' | 'folder';

async function kindOf(entry: Dirent): Promise<Kind> {
  const target = entry.isSymbolicLink() ? await stat(join(entry.parentPath, entry.name)).catch(() => entry) : entry;
  if (target.isDirectory()) return 'folder';
  return target.isFile() && EXTENSIONS.has(extname(entry.name).toLowerCase()) ? 'image' : 'other';
}

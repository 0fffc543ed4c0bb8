import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { DataError } from '@flowmap/core';
import { mapConcurrently } from './map-concurrently.js';
import { unreadable } from './read-bytes.js';

/** One image of a folder. */
export interface ImageFile {
  /** Path below the folder: `name.png` or `class/name.png`. */
  readonly name: string;
  readonly path: string;
  readonly label: number;
  readonly bytes: number;
  /** Time of the last change, in milliseconds since 1970. */
  readonly modified: number;
}

/** The images of a folder, by class and then by name, in code-unit order. */
export interface ImageListing {
  readonly files: readonly ImageFile[];
  readonly classes: readonly string[];
}

const EXTENSIONS = new Set(['.png', '.jpg', '.jpeg', '.webp']);
const CONCURRENCY = 32; // file-system calls in flight

/**
 * Finds the images of a folder: those directly in it (unconditional), or those in its sub-folders (one class each).
 *
 * @param classes the sub-folders to use, in the order of their labels; `[]` = only images directly in the folder; omit to
 *   take what is there
 * @throws {DataError} when the folder or a class is missing, there are no images, or images lie both beside and in
 *   sub-folders and `classes` does not say which to use
 */
export async function listImages(folder: string, classes?: readonly string[]): Promise<ImageListing> {
  const entries = await entriesOf(folder);
  const direct = imagesIn(entries, folder, '');
  const found = classes ?? namesOf(entries, 'folder');
  const perClass = await mapConcurrently(found, CONCURRENCY, async (name) => {
    const path = join(folder, name);
    return { name, images: imagesIn(await entriesOf(path), path, `${name}/`) };
  });
  const filled = perClass.filter(({ images }) => images.length > 0);
  const empty = perClass.find(({ images }) => images.length === 0);

  if (classes && empty) throw new DataError(join(folder, empty.name), `class '${empty.name}' has no images`);
  if (!classes && direct.length > 0 && filled.length > 0) {
    throw new DataError(
      folder,
      `has images directly in it (${direct[0]!.name}) and in sub-folders (${filled[0]!.images[0]!.name}): ` +
        `give 'classes', the sub-folders to use, or [] for the images directly in it`,
    );
  }
  const unconditional = filled.length === 0;
  const images = unconditional
    ? direct.map((image) => ({ ...image, label: 0 }))
    : filled.flatMap(({ images }, label) => images.map((image) => ({ ...image, label })));
  if (images.length === 0) {
    throw new DataError(
      folder,
      'has no images: wanted .png, .jpg, .jpeg or .webp files directly in it, or in one sub-folder for each class',
    );
  }
  const files = await mapConcurrently(images, CONCURRENCY, async (image) => {
    const { size, mtimeMs } = await stat(image.path).catch((cause: unknown) => {
      throw unreadable(image.path, cause);
    });
    return { ...image, bytes: size, modified: mtimeMs };
  });
  return { files, classes: unconditional ? [] : filled.map(({ name }) => name) };
}

/** What a folder holds, links followed; hidden names (a leading dot) are left out. */
async function entriesOf(folder: string): Promise<{ name: string; kind: 'file' | 'folder' | 'other' }[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw unreadable(folder, cause);
  });
  const visible = entries.filter(({ name }) => !name.startsWith('.'));
  return mapConcurrently(visible, CONCURRENCY, async (entry) => ({ name: entry.name, kind: await kindOf(entry) }));
}

async function kindOf(entry: Dirent): Promise<'file' | 'folder' | 'other'> {
  const target = entry.isSymbolicLink() ? await stat(join(entry.parentPath, entry.name)).catch(() => entry) : entry;
  if (target.isFile()) return 'file';
  return target.isDirectory() ? 'folder' : 'other';
}

function namesOf(entries: readonly { name: string; kind: string }[], kind: 'file' | 'folder'): string[] {
  const names = entries.filter((entry) => entry.kind === kind).map(({ name }) => name);
  return names.sort(); // by UTF-16 code unit: the same on every machine
}

function imagesIn(
  entries: readonly { name: string; kind: string }[],
  folder: string,
  prefix: string,
): { name: string; path: string }[] {
  return namesOf(entries, 'file')
    .filter((name) => EXTENSIONS.has(extname(name).toLowerCase()))
    .map((name) => ({ name: prefix + name, path: join(folder, name) }));
}

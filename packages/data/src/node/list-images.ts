import { join } from 'node:path';
import { DataError } from '@flowmap/core';
import { countFiles, countsInWords, totalOf, type FileCounts } from './file-counts.js';
import { formatOfKind, type FileKinds } from './file-kinds.js';
import { FORMATS_IN_WORDS, type ImageFormat } from './image-format.js';
import type { Scan } from './scan-folder.js';

/** Numbers of images by their format, the most frequent first. */
export type FormatCounts = Readonly<Partial<Record<ImageFormat, number>>>;

/** The images of a folder, by class and then by path, and what else is there. */
export interface ImageListing {
  /** Indices of the images in the scan, including bad files. */
  readonly images: Uint32Array;
  /** Class of each image. */
  readonly labels: Int32Array;
  readonly classes: readonly string[];
  /** Files that are not images, or not in one of the classes, counted by extension. */
  readonly leftOut: FileCounts;
  /** The first of their paths relative to the folder. */
  readonly leftOutNames: readonly string[];
}

/** How many names of files left out are kept. */
const NAMED = 5;

/**
 * Decides which files of a scan are read: the images directly in the folder (unconditional), or those at any depth of
 * its sub-folders (one class each).
 *
 * @param classes the sub-folders to use, in the order of their labels; `[]` = only images directly in the folder; omit
 *   to use whatever is there
 * @throws {DataError} when a class or the whole folder has no images, or images are both beside and in sub-folders and
 *   `classes` does not say which to use
 */
export function listImages(scan: Scan, kinds: FileKinds, classes?: readonly string[]): ImageListing {
  const { folder, names } = scan;
  const [root, ...subFolders] = scan.groups.map(({ name, start, end }) => {
    const files = Array.from({ length: end - start }, (_, i) => start + i);
    return { name, files, images: files.filter((file) => kinds[file] !== 0) };
  });
  const filled = subFolders.find(({ images }) => images.length > 0);
  const beside = root!.images[0];
  if (!classes && beside !== undefined && filled) {
    throw new DataError(
      folder,
      `has images directly in it (${names[beside]!}) and in sub-folders (${names[filled.images[0]!]!}): ` +
        `give 'classes' or --classes, the sub-folders to use, or [] or . for the images directly in it`,
    );
  }
  const conditional = classes ? classes.length > 0 : filled !== undefined;
  const holds = (files: readonly number[]): string =>
    files.length === 0 ? 'is empty' : `holds ${countsInWords(countFiles(files.map((file) => names[file]!)))}`;
  const empty = subFolders.find(({ images }) => images.length === 0);
  if (conditional && empty) {
    throw new DataError(
      join(folder, empty.name),
      `class '${empty.name}' has no images: it ${holds(empty.files)}. Remove it, put ${FORMATS_IN_WORDS} files into it, ` +
        `or give 'classes' or --classes, the sub-folders to use`,
    );
  }
  if (!conditional && beside === undefined) {
    throw new DataError(
      folder,
      `has no images: wanted ${FORMATS_IN_WORDS} files directly in it, or in one sub-folder for each class; ` +
        `it ${holds(Array.from(names.keys()))}`,
    );
  }
  const read = conditional ? subFolders : [root!];
  const images = Uint32Array.from(read.flatMap((group) => group.images));
  const left = leftOutOf(names, images);
  return {
    images,
    labels: Int32Array.from(read.flatMap((group, label) => group.images.map(() => label))),
    classes: conditional ? subFolders.map(({ name }) => name) : [],
    leftOut: countFiles(left),
    leftOutNames: left.slice(0, NAMED),
  };
}

/**
 * All images of a scan, whatever their sub-folder, in the order of their paths, and counts of the other files.
 *
 * @param classes the sub-folders to use; `[]` or omitted: all that was scanned
 * @throws {DataError} when there are none
 */
export function listAllImages(
  { folder, names, groups }: Scan,
  kinds: FileKinds,
  classes: readonly string[] = [],
): { readonly names: readonly string[]; readonly leftOut: FileCounts } {
  const first = classes.length > 0 ? groups[0]!.end : 0;
  const images = Array.from(names.keys()).filter((file) => file >= first && kinds[file] !== 0);
  const others = Array.from(names.keys()).filter((file) => file >= first && kinds[file] === 0);
  const leftOut = countFiles(others.map((file) => names[file]!));
  if (images.length === 0) {
    const holds = totalOf(leftOut) > 0 ? `holds ${countsInWords(leftOut)}` : 'is empty';
    throw new DataError(folder, `has no images: wanted ${FORMATS_IN_WORDS} files at any depth; it ${holds}`);
  }
  return { names: images.map((file) => names[file]!).sort(), leftOut };
}

function leftOutOf(names: readonly string[], images: Uint32Array): string[] {
  const read = new Uint8Array(names.length);
  for (const image of images) read[image] = 1;
  return names.filter((_, file) => read[file] === 0);
}

/** Counts images by format; files that are not images are not counted. */
export function formatsOf(images: Iterable<number>, kinds: FileKinds): FormatCounts {
  const counts = new Map<ImageFormat, number>();
  for (const image of images) {
    const format = formatOfKind(kinds[image]!);
    if (format) counts.set(format, (counts.get(format) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort(([, m], [, n]) => n - m));
}

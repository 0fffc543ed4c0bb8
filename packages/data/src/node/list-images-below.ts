import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '@flowmap/core';
import { countFiles, countsInWords, totalOf, type FileCounts } from './file-counts.js';
import { CONCURRENCY, contentsOf } from './list-images.js';
import { mapConcurrently } from './map-concurrently.js';

/** The images of a folder and all folders in it, and counts of the other files. */
export interface DeepListing {
  /** Paths relative to the folder, with `/`, in code-unit order. */
  readonly names: readonly string[];
  /** Files that are not images. */
  readonly leftOut: FileCounts;
}

/**
 * Finds the images of a folder at any depth. Hidden files and folders are left out, and a folder that is reached through
 * several links is read once.
 *
 * @param classes the sub-folders to read; `[]` = only images directly in the folder; omit to read everything
 * @throws {DataError} when the folder or a class is missing, or there is no image
 */
export async function listImagesBelow(folder: string, classes?: readonly string[]): Promise<DeepListing> {
  const names: string[] = [];
  const others: string[] = [];
  const seen = new Set<string>();
  const isFlat = classes?.length === 0;
  for (let level = isFlat || !classes ? [''] : classes.map((name) => `${name}/`); level.length > 0;) {
    const reals = await mapConcurrently(level, CONCURRENCY, async (inside) => {
      const path = join(folder, inside);
      return realpath(path).catch(() => path);
    });
    const fresh = level.filter((_, i) => !seen.has(reals[i]!) && reals.indexOf(reals[i]!) === i);
    for (const path of reals) seen.add(path);
    const contents = await mapConcurrently(fresh, CONCURRENCY, (inside) => contentsOf(join(folder, inside)));
    level = contents.flatMap(({ images, others: left, folders }, i) => {
      for (const image of images) names.push(`${fresh[i]!}${image}`);
      for (const other of left) others.push(other);
      return isFlat ? [] : folders.map((name) => `${fresh[i]!}${name}/`);
    });
  }
  const leftOut = countFiles(others);
  if (names.length === 0) {
    const holds = totalOf(leftOut) > 0 ? `holds ${countsInWords(leftOut)}` : 'is empty';
    throw new DataError(folder, `has no images: wanted .png, .jpg, .jpeg or .webp files at any depth; it ${holds}`);
  }
  return { names: names.sort(), leftOut };
}

import { showProgress } from '../command-line/progress.js';
import type { Answer, Talk } from './command.js';

/**
 * What a folder of images holds. All of them are decoded, so that damaged ones are found.
 *
 * @throws {DataError} for a folder without images
 * @throws {ImageCodecUnavailableError} when the package `sharp` is not installed
 */
export async function inspectImages(path: string, talk: Talk): Promise<Answer> {
  const { imageBatches, ImageSizeError } = await import('@flowmap/data/node');
  const { signal } = talk;
  const { names, leftOut, unreadable, read } = await imageBatches(path, { maxUnreadable: Infinity, signal });
  const progress = await showProgress(talk, 'images');
  let size: { readonly height: number; readonly width: number } | null = null;
  let differs: string | null = null;
  try {
    let done = 0;
    for await (const { shape } of read()) {
      size ??= { height: shape[2]!, width: shape[3]! };
      done += shape[0]!;
      progress.update(done + unreadable.length, names.length);
    }
  } catch (error) {
    if (!(error instanceof ImageSizeError)) throw error;
    differs = `${error.path} is ${error.size.join(' x ')}, ${error.firstPath} ${error.firstSize.join(' x ')}`;
  } finally {
    progress.stop();
  }
  return {
    images: names.length,
    classes: classesOf(names),
    size: differs === null ? size : null,
    differingSizes: differs,
    unreadable: unreadable.map(({ message }) => message),
    leftOut,
  };
}

/** Numbers of images in each sub-folder. */
function classesOf(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = Object.create(null) as Record<string, number>;
  for (const name of names) {
    const [folder, ...rest] = name.split('/');
    if (rest.length > 0) counts[folder!] = (counts[folder!] ?? 0) + 1;
  }
  return counts;
}

import { showProgress } from '../command-line/progress.js';
import type { Answer, Talk } from './command.js';

/**
 * What a folder of images holds, and what training would read of it. All images are decoded, so that damaged and
 * duplicate ones are found.
 *
 * @throws {DataError} for a folder without images
 * @throws {ImageCodecUnavailableError} when the package `sharp` is not installed
 */
export async function inspectImages(path: string, talk: Talk): Promise<Answer> {
  const { inspectImageFolder } = await import('@flowmap/data/node');
  const { signal } = talk;
  const progress = await showProgress(talk, 'images');
  const report = await inspectImageFolder(path, { signal, onProgress: progress.update }).finally(progress.stop);
  const { images, formats, sizes, classes, duplicates, bad, leftOut, leftOutNames, refusal } = report;
  const [first, other] = sizes;
  const counts = Object.values(classes);
  return {
    images,
    formats,
    classes,
    balance: counts.length > 0 ? Math.min(...counts) / Math.max(...counts) : null,
    size: first && !other ? { height: first.size[0], width: first.size[1] } : null,
    differingSizes:
      first && other ? `${other.first} is ${sides(other.size)}, ${first.first} ${sides(first.size)}` : null,
    sizes: sizes.map(({ size, count }) => `${count} of ${sides(size)}`),
    duplicates: duplicates.map((group) => group.join(' = ')),
    values: valuesOf(report),
    unreadable: bad.map(({ error }) => error.message),
    leftOut,
    leftOutFirst: leftOutNames,
    refused: refusal ?? null,
  };
}

function sides([height, width]: readonly [number, number]): string {
  return `${height} x ${width}`;
}

/** A number to three digits; null without images. */
function valuesOf({
  images,
  mean,
  deviation,
  min,
  max,
}: Readonly<Record<'images' | 'mean' | 'deviation' | 'min' | 'max', number>>): Readonly<Record<string, number>> | null {
  if (images === 0) return null;
  const rounded = (value: number): number => Math.round(value * 1000) / 1000;
  return { mean: rounded(mean), deviation: rounded(deviation), min: rounded(min), max: rounded(max) };
}

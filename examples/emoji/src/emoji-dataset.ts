import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Dataset } from '@flowmap/core';
import { causeText, DataError } from '@flowmap/core';
import { imageDataset } from '@flowmap/data';
import sharp from 'sharp';

/** Unicode's categories of emoji, in Unicode's order: the classes. */
export const CATEGORIES: readonly string[] = [
  'Smileys & Emotion',
  'People & Body',
  'Animals & Nature',
  'Food & Drink',
  'Travel & Places',
  'Activities',
  'Objects',
  'Symbols',
  'Flags',
];

/** The part of an emoji's entry in `emoji.json` that is needed here. */
interface EmojiEntry {
  readonly image: string;
  readonly category: string;
}

/** Number of images decoded at a time; sharp runs one thread per processor. */
const CONCURRENCY = 16;

/**
 * The base emoji of `emoji-datasource-google` without skin tones, as images on white with their category as the class.
 *
 * The five swatches of the category `Component`, which represent skin tones rather than emoji, are left out.
 *
 * @param side height and width in pixels; the originals of 64 x 64 are scaled down by Lanczos 3
 * @returns 1,906 images `[3, side, side]` in -1 to 1
 * @throws {DataError} when an image is missing or corrupt
 */
export async function emojiDataset(side: number): Promise<Dataset> {
  const require = createRequire(import.meta.url);
  const list = require.resolve('emoji-datasource-google/emoji.json');
  const entries = (require(list) as EmojiEntry[]).filter(({ category }) => category !== 'Component');
  const folder = join(dirname(list), 'img', 'google', '64');
  const plane = side * side;
  const pixels = new Uint8Array(entries.length * 3 * plane);
  for (let start = 0; start < entries.length; start += CONCURRENCY) {
    const some = entries.slice(start, start + CONCURRENCY);
    const images = await Promise.all(some.map(({ image }) => decode(join(folder, image), side)));
    images.forEach((image, i) => pixels.set(image, (start + i) * 3 * plane));
  }
  return imageDataset({
    name: 'emoji',
    pixels,
    shape: [3, side, side],
    labels: entries.map(({ category }) => CATEGORIES.indexOf(category)),
    classes: CATEGORIES,
  });
}

/** One image over white, `[3, side, side]`. */
async function decode(path: string, side: number): Promise<Uint8Array> {
  const interleaved = await sharp(path, { failOn: 'error' })
    .flatten({ background: 'white' })
    .resize(side, side, { kernel: 'lanczos3' })
    .toColourspace('srgb')
    .raw()
    .toBuffer()
    .catch((cause: unknown) => {
      throw new DataError(path, `cannot be decoded (${causeText(cause)})`, { cause });
    });
  const plane = side * side;
  return Uint8Array.from({ length: 3 * plane }, (_, i) => interleaved[3 * (i % plane) + Math.floor(i / plane)]!);
}

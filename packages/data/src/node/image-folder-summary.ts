import { countsInWords, inDigits, totalOf } from './file-counts.js';
import type { ImageFolderDataset } from './image-folder.js';

/** Names of formats as they are written. */
const FORMAT_NAMES: Readonly<Record<string, string>> = { webp: 'WebP' };

/**
 * Describes in words what was read from a folder and what was left out:
 * `photos: 1,234 images read (1,200 JPEG, 34 PNG), 3 classes; 57 files left out (50 .svg, 7 .txt): a.svg, b.svg, …; 2 bad
 * images skipped`.
 */
export function imageFolderSummary(data: ImageFolderDataset): string {
  const { name, length, classes, formats, leftOut, leftOutNames, bad } = data;
  const kinds = Object.entries(formats).map(
    ([format, count]) => `${inDigits(count)} ${FORMAT_NAMES[format] ?? format.toUpperCase()}`,
  );
  const read =
    `${counted(length, 'image')} read (${kinds.join(', ')})` +
    (classes.length > 0 ? `, ${counted(classes.length, 'class', 'es')}` : '');
  const left = totalOf(leftOut);
  const named = `${leftOutNames.join(', ')}${left > leftOutNames.length ? ', …' : ''}`;
  const parts = [
    ...(left > 0 ? [`${counted(left, 'file')} left out (${countsInWords(leftOut)}): ${named}`] : []),
    ...(bad.length > 0 ? [`${counted(bad.length, 'bad image')} skipped`] : []),
  ];
  return `${name}: ${read}; ${parts.length > 0 ? parts.join('; ') : 'nothing left out'}`;
}

function counted(count: number, noun: string, plural = 's'): string {
  return `${inDigits(count)} ${noun}${count === 1 ? '' : plural}`;
}

import { countsInWords, inDigits, totalOf } from './file-counts.js';
import type { ImageFolderDataset } from './image-folder.js';

/**
 * Describes in words what was read from a folder and what was left out:
 * `photos: 1,234 images read, 3 classes; 57 files left out (50 .gif, 7 .txt), 12 more in deeper folders (12 .png)`.
 */
export function imageFolderSummary({ name, length, classes, leftOut, tooDeep }: ImageFolderDataset): string {
  const read = `${counted(length, 'image')} read${classes.length > 0 ? `, ${counted(classes.length, 'class', 'es')}` : ''}`;
  const here = totalOf(leftOut);
  const deeper = totalOf(tooDeep);
  const parts = [
    ...(here > 0 ? [`${counted(here, 'file')} left out (${countsInWords(leftOut)})`] : []),
    ...(deeper > 0
      ? [
          `${here > 0 ? `${inDigits(deeper)} more` : `${counted(deeper, 'file')} left out`} in deeper folders ` +
            `(${countsInWords(tooDeep)})`,
        ]
      : []),
  ];
  return `${name}: ${read}; ${parts.length > 0 ? parts.join(', ') : 'nothing left out'}`;
}

function counted(count: number, noun: string, plural = 's'): string {
  return `${inDigits(count)} ${noun}${count === 1 ? '' : plural}`;
}

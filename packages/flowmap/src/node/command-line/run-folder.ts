import { realpathSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { TrainOptions } from '@flowmap/train/node';
import { flag, whole, type Config } from './options.js';

/** Options for what the folder of a training holds. */
export const RUN_FOLDER_OPTIONS = {
  extend: flag('go on with another --iterations or --learning-rate, also when the run has finished'),
  keep: whole('steps between checkpoints that are kept for good', null),
};

/** These options as options of a training. */
export function runFolderOf({
  extend,
  keep,
}: Config<typeof RUN_FOLDER_OPTIONS>): Pick<TrainOptions, 'whenFinished' | 'keep'> {
  return { whenFinished: extend ? 'extend' : 'new', ...(keep === null ? {} : { keep }) };
}

/**
 * Checks that a run is kept outside the folder of its images, where it would be read as a class, and so could not be
 * resumed.
 *
 * @throws {ConfigError} naming both
 */
export async function requireApart(out: string, images: string): Promise<void> {
  const { ConfigError } = await import('@flowmap/core');
  const below = relative(realPath(images), realPath(out));
  if (below === '..' || below.startsWith(`..${sep}`) || resolve(below) === below) return;
  throw new ConfigError('--out', `wanted a folder outside of the images in '${images}', got '${out}'`);
}

/** A path with links resolved; its last parts need not exist. */
function realPath(path: string): string {
  const whole = resolve(path);
  try {
    return realpathSync(whole);
  } catch {
    return dirname(whole) === whole ? whole : join(realPath(dirname(whole)), relative(dirname(whole), whole));
  }
}

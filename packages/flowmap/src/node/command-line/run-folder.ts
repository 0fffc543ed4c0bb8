import type { TrainOptions } from '@flowmap/train/node';
import { flag, whole, type Config } from './options.js';

/** Options of what is in the folder of a training. */
export const RUN_FOLDER_OPTIONS = {
  extend: flag('go on with another --iterations or --learning-rate, also when the run has finished'),
  keep: whole('steps between checkpoints that are kept for good', null),
};

/** What they are for a training. */
export function runFolderOf({
  extend,
  keep,
}: Config<typeof RUN_FOLDER_OPTIONS>): Pick<TrainOptions, 'whenFinished' | 'keep'> {
  return { whenFinished: extend ? 'extend' : 'new', ...(keep === null ? {} : { keep }) };
}

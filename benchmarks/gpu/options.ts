import { flag, pathOr, whole, type Config } from 'flowmap/node';

const BATCH = 256;
const SMALL_BATCH = 4;

/** Options of the GPU benchmark. */
export const GPU_OPTIONS = {
  python: pathOr('the Python interpreter in which to look for PyTorch', 'FILE', 'python3'),
  out: pathOr('folder for the results', 'DIR', 'gpu-results'),
  rounds: whole('steps to time of each kind', 20),
  batch: whole(`samples of one step; ${BATCH} unless given, ${SMALL_BATCH} with --small`, null),
  stepsPerRun: whole("steps in one call of Flowmap's runtime", 1),
  small: flag('small networks: to try the set-up, its figures say nothing about speed'),
};

/** Number of samples per step, according to the options. */
export function batchSizeOf({ batch, small }: Pick<Config<typeof GPU_OPTIONS>, 'batch' | 'small'>): number {
  return batch ?? (small ? SMALL_BATCH : BATCH);
}

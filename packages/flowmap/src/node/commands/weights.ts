import { choiceArgument, pathOr, type Config } from '../command-line/options.js';
import { showProgress } from '../command-line/progress.js';
import { answering, type Answer, type Talk } from './command.js';

const WEIGHTS_OPTIONS = {
  name: choiceArgument('network: inception 96 MB, dinov2 1.2 GB, clip 1.7 GB, clip-b32 605 MB', [
    'inception',
    'dinov2',
    'clip',
    'clip-b32',
  ]),
  folder: pathOr('where weights are kept: FLOWMAP_WEIGHTS, or ~/.cache/flowmap/weights, unless given', 'DIR', null),
};

/** `flowmap weights`: fetches the published weights of a network. */
export const weights = answering({
  name: 'flowmap weights',
  description: 'Downloads the published weights of a network unless they are there, and checks their SHA-256.',
  options: WEIGHTS_OPTIONS,
  resumes: false,
  run: fetchOne,
});

async function fetchOne({ name, folder }: Config<typeof WEIGHTS_OPTIONS>, talk: Talk): Promise<Answer> {
  const { fetchWeights } = await import('@flowmap/eval/node');
  const { signal } = talk;
  const progress = await showProgress(talk, `MB of ${name}`);
  const megabytes = (bytes: number): number => Math.round(bytes / 1e6);
  try {
    const files = await fetchWeights(name, {
      ...(folder === null ? {} : { folder }),
      signal,
      onProgress: (done, total) => progress.update(megabytes(done), megabytes(total)),
    });
    for (const { path, bytes, downloaded } of files) {
      talk.print(`${path}: ${bytes} bytes, SHA-256 as published${downloaded ? '' : '; it was there already'}`);
    }
    return { name, files };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    progress.stop();
  }
}

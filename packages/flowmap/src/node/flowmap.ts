import { createRequire } from 'node:module';
import { group, type Program } from './command-line/group.js';

/**
 * The command `flowmap`.
 *
 * @param args the command line after its name
 * @param output where it writes; the terminal unless given
 * @returns its exit code: 0 when done, 1 after an error, 2 for a command line that it does not understand, 128 plus the
 *   signal's number when it was interrupted
 * @throws any error that is not Flowmap's: a defect, whose stack trace matters
 */
export const flowmap: Program = group({
  name: 'flowmap',
  description: 'Trains, distils, samples and evaluates few-step generators.',
  commands: {
    train: {
      summary: 'train a teacher on a folder of images',
      load: async () => (await import('./commands/train.js')).train,
    },
    distill: {
      summary: 'distil a teacher into a flow map of 1 to 8 steps',
      load: async () => (await import('./commands/distill.js')).distill,
    },
    sample: {
      summary: 'draw samples from a checkpoint',
      load: async () => (await import('./commands/sample.js')).sample,
    },
    export: {
      summary: 'write a checkpoint with its sampler as an ONNX file, to run without Flowmap',
      load: async () => (await import('./commands/export.js')).exportCheckpoint,
    },
    eval: {
      summary: 'measure how good samples are',
      load: async () => (await import('./commands/eval/eval.js')).evaluate,
    },
    weights: {
      summary: 'fetch the published weights of a network that images are measured with',
      load: async () => (await import('./commands/weights.js')).weights,
    },
    inspect: {
      summary: 'say what a checkpoint, a run or a folder of images holds',
      load: async () => (await import('./commands/inspect.js')).inspect,
    },
    doctor: {
      summary: 'say what works on this machine, and how to get the rest',
      load: async () => (await import('./commands/doctor.js')).doctor,
    },
  },
  version: () => (createRequire(import.meta.url)('flowmap/package.json') as { version: string }).version,
});

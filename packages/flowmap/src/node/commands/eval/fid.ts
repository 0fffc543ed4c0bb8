import { pathArgument } from '../../command-line/options.js';
import { answering } from '../command.js';
import { READING_OPTIONS } from './extractor.js';
import { measureImages, MEASURING_OPTIONS } from './metrics.js';

/** `flowmap eval fid`: the FID of generated images. */
export const fid = answering({
  name: 'flowmap eval fid',
  description: 'The Fréchet distance with the Inception network of 2015 (FID) of generated images from real ones.',
  options: {
    generated: pathArgument('folder of generated images, or a file of statistics'),
    reference: pathArgument('folder of real images, or a file of statistics, .safetensors or .npz'),
    ...READING_OPTIONS,
    ...MEASURING_OPTIONS,
  },
  resumes: false,
  run: (config, talk) =>
    measureImages(
      {
        ...config,
        ...{ metrics: ['fid'], extractor: 'inception', subsetSize: null, seed: null, captions: null, clip: null },
      },
      talk,
    ),
});

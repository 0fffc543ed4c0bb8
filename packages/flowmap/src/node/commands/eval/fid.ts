import { pathArgument } from '../../command-line/options.js';
import { answering } from '../command.js';

/** `flowmap eval fid`: FID, for which the network is missing so far. */
export const fid = answering({
  name: 'flowmap eval fid',
  description: 'The Fréchet distance with the Inception network of 2015 (FID) of generated images from real ones.',
  options: {
    generated: pathArgument('folder of generated images'),
    reference: pathArgument('folder of real images, or a file of statistics'),
  },
  resumes: false,
  run: async ({ generated, reference }) => {
    const { ConfigError } = await import('@flowmap/core');
    throw new ConfigError(
      'fid',
      'needs the Inception network of 2015, which this version does not have; the Fréchet distance of ' +
        `EfficientNet-Lite0 is \`flowmap eval metrics --generated ${generated} --reference ${reference}\``,
    );
  },
});

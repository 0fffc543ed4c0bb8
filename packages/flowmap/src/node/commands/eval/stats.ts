import { extname } from 'node:path';
import { choice, pathArgument, pathOr, type Config } from '../../command-line/options.js';
import { answering, type Answer, type Talk } from '../command.js';
import { EXTRACTOR_OPTIONS, featureNetwork, requireInception } from './extractor.js';
import { noteUnreadable } from './metrics.js';
import { openSamples } from './samples.js';

const STATS_OPTIONS = {
  images: pathArgument('a folder of images, flat, deep or with a sub-folder for each class'),
  ...EXTRACTOR_OPTIONS,
  output: choice(
    'which features of inception: pool for fid, unless given, or spatial for sfid',
    ['pool', 'spatial'],
    null,
  ),
  out: pathOr('FILE.safetensors, which says how it was made, or FILE.npz for other tools', 'FILE', 'stats.safetensors'),
};

/** `flowmap eval stats`: reference statistics of a folder. */
export const stats = answering({
  name: 'flowmap eval stats',
  description: 'Writes the statistics of a folder of images, a reference for the Fréchet distance.',
  options: STATS_OPTIONS,
  resumes: false,
  run: writeStatistics,
});

async function writeStatistics(config: Config<typeof STATS_OPTIONS>, talk: Talk): Promise<Answer> {
  const { ConfigError } = await import('@flowmap/core');
  const { writeFileAtomic } = await import('@flowmap/core/node');
  const { encodeMoments, momentsToNpz } = await import('@flowmap/eval');
  const { out } = config;
  const kind = extname(out).toLowerCase();
  if (kind !== '.safetensors' && kind !== '.npz') {
    throw new ConfigError('--out', `wanted FILE.safetensors or FILE.npz, got '${out}'`);
  }
  const extractor = config.extractor ?? 'efficientnet-lite0';
  await requireInception(config, extractor);
  const samples = await openSamples(config.images, { ...config, npzCount: null }, talk.signal);
  if (samples.images.length === 0)
    throw new ConfigError('images', `wanted a folder of images, got the file '${config.images}'`);
  const output = config.output ?? 'pool';
  const network = featureNetwork(config, { extractor, outputs: [output], most: samples.images.length }, talk.signal);
  try {
    const { of, unreadable } = await samples.measure(network.open, { [output]: { keep: false } }, talk);
    const { moments } = of[output]!;
    noteUnreadable(config.images, unreadable, talk);
    await writeFileAtomic(out, kind === '.npz' ? momentsToNpz(moments) : encodeMoments(moments));
    const { count, width, source } = moments;
    const name = `${source.extractor}@${source.weights?.slice(0, 8) ?? '-'}`;
    talk.print(`${out}: ${count} images, ${width} features of ${name}, resize ${source.resize}`);
    return { out, count, width, source, unreadable };
  } finally {
    await network.close();
  }
}

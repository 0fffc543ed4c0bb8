import { ConfigError, euler, flowMapSampler, matchClasses } from '@flowmap/core';
import { loadModel } from '@flowmap/core/node';
import { atScale, labelsOf, openJudge, sampleFixedNoises } from '@flowmap/example-common';
import {
  openRuntime,
  positive,
  requiredPath,
  runCommand,
  whole,
  wholes,
  RUNTIME_OPTIONS,
  type CommandContext,
  type Config,
} from 'flowmap/node';
import { emojiDataset } from './emoji-dataset.js';
import { SHIPPED_STATISTICS, EMOJI_OPTIONS } from './settings.js';

const OPTIONS = {
  model: requiredPath('checkpoint of a teacher or a student', 'FILE'),
  steps: wholes('numbers of steps', [1, 2, 4]),
  samples: whole('samples whose distance is measured, and from 2,000 on their recall', 2000, 2),
  guidance: positive('scale of guidance of a student that takes one', 1),
  ...RUNTIME_OPTIONS,
};

/** Prints how far the samples of a model are from the emoji, and how much of them they cover. */
async function printDistances(options: Config<typeof OPTIONS>, { print, signal }: CommandContext): Promise<void> {
  const model = atScale(await loadModel(options.model), options.guidance);
  const size = EMOJI_OPTIONS.size.fallback!;
  if (model.network.config.shape[1] !== size) {
    throw new ConfigError('--model', `wanted one of images ${size} x ${size}, whose statistics come with the example`);
  }
  const runtime = await openRuntime(options);
  const data = await emojiDataset(size);
  const judge = await openJudge({ runtime, data, samples: options.samples, statistics: SHIPPED_STATISTICS, signal });
  try {
    const labels = await labelsOf(matchClasses(data, model).data, options.samples);
    const sampler = model.kind === 'flowMap' ? flowMapSampler() : euler();
    const common = { runtime, signal, count: options.samples, ...(labels ? { labels } : {}) };
    for (const steps of options.steps) {
      const [samples] = await sampleFixedNoises(model, sampler, [steps], common);
      const { distance, recall, protocol } = await judge.judge(samples!);
      if (steps === options.steps[0]) print(protocol);
      const covered = recall === undefined ? '' : `, recall ${recall.toFixed(4)}`;
      print(`${steps} ${steps === 1 ? 'step' : 'steps'}: distance ${distance.toFixed(2)}${covered}`);
    }
  } finally {
    await judge.dispose();
  }
}

process.exitCode = await runCommand(
  {
    name: 'npm run distances -w @flowmap/example-emoji --',
    description: 'Measures how far the samples of a model are from the emoji, in any numbers of steps.',
    options: OPTIONS,
    run: printDistances,
  },
  process.argv.slice(2),
);

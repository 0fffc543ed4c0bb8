import { ConfigError } from '@flowmap/core';
import { loadModel } from '@flowmap/core/node';
import { MODEL_DISTANCE_OPTIONS, printModelDistances } from '@flowmap/example-common';
import { runCommand } from 'flowmap/node';
import { emojiDataset } from './emoji-dataset.js';
import { SHIPPED_STATISTICS, EMOJI_OPTIONS } from './settings.js';

process.exitCode = await runCommand(
  {
    name: 'npm run distances -w @flowmap/example-emoji --',
    description: 'Measures how far the samples of a model are from the emoji, in any numbers of steps.',
    options: MODEL_DISTANCE_OPTIONS,
    async run(options, context) {
      const model = await loadModel(options.model);
      const size = EMOJI_OPTIONS.size.fallback!;
      if (model.network.config.shape[1] !== size) {
        throw new ConfigError(
          '--model',
          `wanted one of images ${size} x ${size}, whose statistics come with the example`,
        );
      }
      const data = await emojiDataset(size);
      await printModelDistances({ model, data, statistics: SHIPPED_STATISTICS }, options, context);
    },
  },
  process.argv.slice(2),
);

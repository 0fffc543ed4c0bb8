import { loadModel } from '@flowmap/core/node';
import { MODEL_DISTANCE_OPTIONS, printModelDistances } from '@flowmap/example-common';
import { IMAGE_OPTIONS, readImages, requiredPath, runCommand } from 'flowmap/node';
import { IMAGE_FOLDER_OPTIONS } from './settings.js';

process.exitCode = await runCommand(
  {
    name: 'npm run distances -w @flowmap/example-image-folder --',
    description: 'Measures how far the samples of a model are from a folder of images, in any numbers of steps.',
    options: {
      data: IMAGE_FOLDER_OPTIONS.data,
      ...IMAGE_OPTIONS,
      statistics: requiredPath("file of the data's statistics, made if it is missing", 'FILE'),
      ...MODEL_DISTANCE_OPTIONS,
    },
    async run(options, context) {
      const model = await loadModel(options.model);
      const { data } = await readImages(options.data, options, context);
      await printModelDistances({ model, data, statistics: options.statistics }, options, context);
    },
  },
  process.argv.slice(2),
);

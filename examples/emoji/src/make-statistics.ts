// Makes the statistics of the data that come with the example: npm run make-statistics -w @flowmap/example-emoji.
import { rm } from 'node:fs/promises';
import { classFileOf, measureStatistics } from '@flowmap/example-common';
import { openRuntime } from 'flowmap/node';
import { emojiDataset } from './emoji-dataset.js';
import { EMOJI_OPTIONS, SHIPPED_STATISTICS } from './settings.js';

for (const file of [SHIPPED_STATISTICS, classFileOf(SHIPPED_STATISTICS)]) await rm(file, { force: true });
const runtime = await openRuntime({ device: 'cpu', threads: null });
const { count } = await measureStatistics(
  await emojiDataset(EMOJI_OPTIONS.size.fallback!),
  runtime,
  SHIPPED_STATISTICS,
);
console.log(`statistics of ${count} emoji: ${SHIPPED_STATISTICS}`);

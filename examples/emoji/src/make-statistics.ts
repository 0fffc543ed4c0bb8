// Makes the statistics of the data that come with the example: npm run make-statistics -w @flowmap/example-emoji.
import { rm } from 'node:fs/promises';
import { measureStatistics, openRuntime } from '@flowmap/example-common';
import { emojiDataset } from './emoji-dataset.js';
import { EMOJI_OPTIONS, SHIPPED_STATISTICS } from './settings.js';

await rm(SHIPPED_STATISTICS, { force: true });
const runtime = await openRuntime({ device: 'cpu', threads: null, stepsPerRun: 1 });
const { count } = await measureStatistics(
  await emojiDataset(EMOJI_OPTIONS.size.fallback!),
  runtime,
  SHIPPED_STATISTICS,
);
console.log(`statistics of ${count} emoji: ${SHIPPED_STATISTICS}`);

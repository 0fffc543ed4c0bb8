// Trains in the folder given as its argument and tells its parent how that ended. Given a step number, it reports to
// the parent before reading that step's data and waits until told to go on.
import { once } from 'node:events';
import { mlp } from '@flowmap/core';
import { checkerboard } from '@flowmap/data';
import { flowMatching } from '@flowmap/objectives';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { trainVelocityField } from '../train.js';

const [out = '', pause] = process.argv.slice(2);
const tell = (message: unknown): boolean => process.send!(message);
const data = checkerboard();
const batchSize = 8;
let steps = 0; // whose data was asked for

try {
  const { completed, step } = await trainVelocityField({
    runtime: referenceRuntime(),
    network: mlp({ shape: [2], width: 8, depth: 1 }),
    objective: flowMatching(),
    iterations: 12,
    batchSize,
    seed: 3,
    checkpointEvery: 5,
    logEvery: 1,
    progress: 'lines',
    out,
    data: {
      ...data,
      async batch(indices) {
        if (indices.length === batchSize && ++steps === Number(pause)) {
          tell('paused');
          await once(process, 'message');
        }
        return data.batch(indices);
      },
    },
  });
  await new Promise(setImmediate); // once all output has been written
  tell({ completed, step, listeners: process.stderr.listenerCount('error') });
} catch (error) {
  tell({ error: (error as Error).name, message: (error as Error).message });
}
process.disconnect();

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mapConcurrently } from './map-concurrently.js';

/** Lets other work continue for a number of turns. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

test('results keep their places, with never more at once than allowed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(20)), fc.integer({ min: 1, max: 5 }), async (delays, concurrency) => {
      let [running, most] = [0, 0];
      const results = await mapConcurrently(delays, concurrency, async (delay, index) => {
        most = Math.max(most, ++running);
        await turns(delay);
        running--;
        return index;
      });
      expect(results).toEqual(delays.map((_, i) => i));
      expect(most).toBe(Math.min(concurrency, delays.length));
    }),
  );
});

test('the first failure in order is thrown, whichever came first in time, and nothing more is started', async () => {
  const started: number[] = [];
  const failing = mapConcurrently([9, 1, 5, 0, 0, 0], 3, async (delay, index) => {
    started.push(index);
    await turns(delay);
    if (index < 2) throw new Error(`item ${index}`);
  });
  await expect(failing).rejects.toThrow('item 0');
  expect(started).toEqual([0, 1, 2]);
});

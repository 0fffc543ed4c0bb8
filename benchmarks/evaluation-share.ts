import type { Extractor } from '@flowmap/eval';
import { folderMoments } from '@flowmap/eval/node';
import { median } from '@flowmap/example-common';
import type { HostTensor, Runtime } from '@flowmap/tensor';

/** A runtime, and the seconds that its runs have taken so far. */
export interface TimedRuntime {
  readonly runtime: Runtime;
  readonly seconds: () => number;
}

/** Counts the wall-clock time from the start of each run to its end. */
export function timedRuntime(runtime: Runtime): TimedRuntime {
  let total = 0;
  return {
    seconds: () => total,
    runtime: {
      ...runtime,
      async compile(program, options) {
        const executable = await runtime.compile(program, options);
        return {
          ...executable,
          async run(...args) {
            const start = performance.now();
            try {
              return await executable.run(...args);
            } finally {
              total += (performance.now() - start) / 1000;
            }
          },
        };
      },
    },
  };
}

/** What is evaluated. */
export interface ShareOptions {
  readonly extractor: Extractor;
  /** Seconds counted by the runtime on which the extractor runs. */
  readonly seconds: () => number;
  /** Folder with images. */
  readonly folder: string;
  readonly count: number;
  /** A batch of such images, as many as the extractor takes in one run. */
  readonly batch: HostTensor;
  readonly rounds: number;
}

/**
 * The share of an evaluation's wall-clock time that its network needs: the time of its runs one after another, with
 * nothing beside them, divided by the time of the whole with decoding, resizing and moments. 1 if everything else
 * happens beside the runs.
 */
export async function shareInRuntime(options: ShareOptions): Promise<{ share: number; imagesPerSecond: number }> {
  const { extractor, seconds, folder, count, batch, rounds } = options;
  const [size = 1] = batch.shape;
  const [shares, rates]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const before = seconds();
    const alone = Math.max(1, Math.round(count / size / 4));
    for (let i = 0; i < alone; i++) await extractor.extract(batch);
    const needed = ((seconds() - before) / alone) * (count / size);
    const start = performance.now();
    await folderMoments(folder, extractor);
    const all = (performance.now() - start) / 1000;
    shares.push(needed / all);
    rates.push(count / all);
  }
  return { share: median(shares), imagesPerSecond: median(rates) };
}

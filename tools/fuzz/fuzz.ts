import { check, type Outcome } from './check.js';
import { startCoverage } from './coverage.js';
import type { Decoder } from './decoders.js';
import { randomOf, type Random } from './random.js';

/** Options of {@link fuzz}. */
export interface FuzzOptions {
  /** Inputs to start from, at least one. */
  readonly corpus: readonly Uint8Array[];
  /** Number of inputs to make. */
  readonly runs: number;
  readonly seed: number;
  /** Time limit in seconds, even if not all inputs have been made. */
  readonly seconds: number;
  readonly scratch: string;
  /** Called before an input is decoded. */
  readonly onInput?: (bytes: Uint8Array) => void;
  /** Called for an input that does what it must not; returning false ends the run. */
  readonly onFault: (bytes: Uint8Array, fault: NonNullable<Outcome['fault']>) => boolean;
}

/** Result of {@link fuzz}. */
export interface FuzzResult {
  /** Number of inputs that were made and decoded. */
  readonly inputs: number;
  readonly accepted: number;
  /** Inputs that reached blocks which no earlier one had reached. */
  readonly kept: readonly Uint8Array[];
  /** Number of characters of the sources that ran. */
  readonly covered: number;
  readonly slowest: number;
  /** The largest rise of the process's memory for one input, in MiB. */
  readonly rise: number;
  /** How far the process grew over all of them, in MiB. */
  readonly growth: number;
}

/**
 * Decodes changed inputs, in batches. If a batch reaches a block of the sources that no earlier one has reached, the
 * input that does so is found by halving, and joins those that are changed next. The same seed makes the same inputs
 * as long as the sources stay the same.
 */
export async function fuzz(decoder: Decoder, options: FuzzOptions): Promise<FuzzResult> {
  const { corpus, runs, seed, seconds, scratch } = options;
  const random = randomOf(seed);
  const before = process.memoryUsage.rss();
  const end = performance.now() + 1000 * seconds;
  const coverage = await startCoverage();
  const kept: Uint8Array[] = [];
  let [inputs, accepted, slowest, rise, isOver] = [0, 0, 0, 0, false];

  const decodeAll = async (batch: readonly Uint8Array[], isFirst: boolean): Promise<boolean> => {
    for (const bytes of batch) {
      if (isOver) break;
      options.onInput?.(bytes);
      const outcome = await check(decoder, bytes, scratch);
      if (!isFirst) continue;
      inputs++;
      if (outcome.accepted) accepted++;
      slowest = Math.max(slowest, outcome.cpuSeconds);
      rise = Math.max(rise, outcome.rise);
      if (outcome.fault && !options.onFault(bytes, outcome.fault)) isOver = true;
      if (performance.now() > end) isOver = true;
    }
    return coverage.isNew(batch.length === 1);
  };
  const keepNew = async (batch: readonly Uint8Array[], isNew: boolean): Promise<void> => {
    if (!isNew) return;
    if (batch.length === 1) {
      kept.push(batch[0]!);
      return;
    }
    const middle = batch.length >> 1;
    for (const half of [batch.slice(0, middle), batch.slice(middle)]) await keepNew(half, await decodeAll(half, false));
  };

  for (const bytes of corpus) await decodeAll([bytes], false);
  while (inputs < runs && !isOver) {
    const sources = [...corpus, ...kept];
    const count = Math.min(decoder.batch, runs - inputs);
    const batch = Array.from({ length: count }, () => changed(decoder, sources, random));
    await keepNew(batch, await decodeAll(batch, true));
  }
  coverage.stop();
  const growth = (process.memoryUsage.rss() - before) / 2 ** 20;
  return { inputs, accepted, kept, covered: coverage.size(), slowest, rise, growth };
}

/** An input changed once or several times. */
function changed({ mutate }: Decoder, sources: readonly Uint8Array[], random: Random): Uint8Array {
  let bytes = random.pick(sources);
  do bytes = mutate(bytes, random, random.pick(sources));
  while (random.once(2));
  return bytes;
}

import { Session, type Profiler } from 'node:inspector/promises';

/** Which blocks of Flowmap's sources have run, according to V8. */
export interface Coverage {
  /**
   * Whether, since the last call, something ran that had never run before.
   *
   * @param remembers false asks without marking it as seen
   */
  isNew(remembers: boolean): Promise<boolean>;
  /** Characters of the sources that have run. */
  size(): number;
  stop(): void;
}

/**
 * Starts counting, before the code to be watched has run: V8 knows the blocks of functions that it compiles from now
 * on.
 */
export async function startCoverage(): Promise<Coverage> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  const seen = new Map<string, Uint8Array>(); // by function, with 1 for each character that has run
  return {
    async isNew(remembers) {
      const { result } = await session.post('Profiler.takePreciseCoverage');
      let found = false;
      for (const { url, scriptId, functions } of result) {
        if (!url.includes('/packages/')) continue;
        for (const { ranges } of functions) {
          const key = `${scriptId}:${ranges[0]!.startOffset}:${ranges[0]!.endOffset}`;
          const before = seen.get(key);
          const ran = charactersOf(ranges);
          if (before && ran.every((one, at) => one <= before[at]!)) continue;
          found = true;
          if (remembers) seen.set(key, before ? ran.map((one, at) => one | before[at]!) : ran);
        }
      }
      return found;
    },
    size: () => [...seen.values()].reduce((sum, ran) => sum + ran.reduce((total, one) => total + one, 0), 0),
    stop: () => session.disconnect(),
  };
}

/** 1 where a function has run, 0 in its blocks that have not; the outer ranges come first. */
function charactersOf(ranges: readonly Profiler.CoverageRange[]): Uint8Array {
  const [{ startOffset: start, endOffset: end }] = ranges as [Profiler.CoverageRange];
  const ran = new Uint8Array(end - start);
  for (const { startOffset, endOffset, count } of ranges) {
    ran.fill(count > 0 ? 1 : 0, startOffset - start, endOffset - start);
  }
  return ran;
}

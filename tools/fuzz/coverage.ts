import { Session, type Profiler } from 'node:inspector/promises';

/** Which blocks of Flowmap's sources have run, told by V8. */
export interface Coverage {
  /** Blocks that ran since the last call, as texts that name them. */
  take(): Promise<string[]>;
  stop(): void;
}

/** Starts counting; code that is loaded later counts too. */
export async function startCoverage(): Promise<Coverage> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  return {
    async take() {
      const { result } = await session.post('Profiler.takePreciseCoverage');
      return result.filter(({ url }) => url.includes('/packages/')).flatMap(blocksOf);
    },
    stop: () => session.disconnect(),
  };
}

function blocksOf({ scriptId, functions }: Profiler.ScriptCoverage): string[] {
  return functions.flatMap(({ ranges }) =>
    ranges
      .filter(({ count }) => count > 0)
      .map(({ startOffset, endOffset }) => `${scriptId}:${startOffset}:${endOffset}`),
  );
}

import { createInterface } from 'node:readline';
import type { Answer, Checked, Ready, Request } from './peer-process.js';

/** What a program of the comparison does on request. */
export interface PeerWork {
  readonly check: () => Promise<Checked['values']>;
  /** A training step, or four steps of the sampler, on fresh noise. */
  readonly runs: Readonly<Record<'train' | 'sample', () => Promise<unknown>>>;
}

/**
 * Announces that a program is ready, then answers requests on its stdin until they end, or the signal fires: see
 * peers/README.md.
 */
export async function servePeer(ready: Ready, { check, runs }: PeerWork, signal?: AbortSignal): Promise<void> {
  answer(ready);
  for await (const line of createInterface({ input: process.stdin, ...(signal ? { signal } : {}) })) {
    const request = JSON.parse(line) as Request;
    if (request.run === 'check') {
      answer({ values: await check() });
      continue;
    }
    const ms: number[] = [];
    for (let i = 0; i < request.steps; i++) {
      const start = performance.now();
      await runs[request.run]();
      ms.push(performance.now() - start);
    }
    answer({ ms, peakMemory: process.resourceUsage().maxRSS * 1024 });
  }
}

function answer(value: Answer): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

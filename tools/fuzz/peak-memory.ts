import { readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/**
 * A rise, in MiB, after which garbage is collected: otherwise the next rise would reuse that memory and not
 * be seen.
 */
const LARGE = 32;

/**
 * Starts watching the process's memory; the returned function says in MiB how far it has risen since, including what
 * was freed again. Linux resets its peak on request; elsewhere only a rise above every earlier one is seen.
 */
export function watchMemory(): () => number {
  if (forgetPeak()) {
    const before = process.memoryUsage.rss();
    return () => {
      const rise = (peak() - before) / 2 ** 20;
      if (rise > LARGE) collectGarbage();
      return rise;
    };
  }
  const before = process.resourceUsage().maxRSS;
  return () => (process.resourceUsage().maxRSS - before) / 2 ** 10;
}

/** False if the system cannot do that. */
function forgetPeak(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
    return true;
  } catch {
    return false;
  }
}

/** The most memory that the process has had since its peak was reset, in bytes. */
function peak(): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))!;
  return 1024 * Number(kibibytes);
}

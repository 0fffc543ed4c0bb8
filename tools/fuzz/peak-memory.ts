import { readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** A rise from which on what is left of it is collected, in MiB: the next one would take its place and not be seen. */
const LARGE = 32;

/**
 * Starts watching the process's memory; the returned function tells in MiB how far it has risen since, what was freed
 * again included. Linux forgets its peak when it is asked to; elsewhere only what rises above all that was before is
 * seen.
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

/** False where the system cannot do that. */
function forgetPeak(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
    return true;
  } catch {
    return false;
  }
}

/** Most memory that the process has had since its peak was forgotten, in bytes. */
function peak(): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))!;
  return 1024 * Number(kibibytes);
}

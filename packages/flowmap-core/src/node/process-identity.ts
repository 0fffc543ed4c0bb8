import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, uptime } from 'node:os';

/** A process, so that another one can tell later whether it still runs. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Name of its machine. */
  readonly host: string;
  /** Boot and container in which its number names it, on Linux; elsewhere empty. */
  readonly space: string;
  /** When it started, in ticks of the machine's clock, on Linux; elsewhere empty. */
  readonly started: string;
}

/** This process. */
export function thisProcess(): ProcessIdentity {
  const boot = textOr('', () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const container = textOr('', () => readlinkSync('/proc/self/ns/pid'));
  return {
    pid: process.pid,
    host: hostname(),
    space: `${boot} ${container}`.trim(),
    started: statOf(process.pid).started,
  };
}

/**
 * Whether a process still runs; undefined when that cannot be known from here, because it ran on another machine or in another
 * container.
 *
 * @param seen when it was last known to run, in milliseconds since 1970
 */
export function isRunning({ pid, host, space, started }: ProcessIdentity, seen: number): boolean | undefined {
  const here = thisProcess();
  if (host !== here.host) return undefined;
  const isOfThisBoot = seen >= Date.now() - 1000 * uptime();
  if (space !== here.space) return isOfThisBoot ? undefined : false;
  if (!hasProcess(pid)) return false;
  // The number may have gone to another process, which started at another time.
  const now = statOf(pid);
  if (now.state === 'Z') return false; // it has ended, and its parent has not asked how
  return started === '' || now.started === '' ? isOfThisBoot : now.started === started;
}

function hasProcess(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH'); // EPERM: it is somebody else's
  }
}

/** Fields 3 and 22 of `/proc/<pid>/stat`, empty where there is none; the name before them may hold spaces. */
function statOf(pid: number): { readonly state: string; readonly started: string } {
  const stat = textOr('', () => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', started: fields[19] ?? '' };
}

function textOr(otherwise: string, read: () => string): string {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

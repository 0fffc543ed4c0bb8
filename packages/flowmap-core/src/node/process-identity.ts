import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, uptime } from 'node:os';

/** Identifies a process, so that another one can later tell whether it is still running. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Name of its machine. */
  readonly host: string;
  /** Boot and container in which its process ID is valid, on Linux; empty elsewhere. */
  readonly space: string;
  /** When it started, in clock ticks, on Linux; empty elsewhere. */
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
 * Whether a process is still running; undefined if that cannot be determined, because it ran on another machine or in
 * another container.
 *
 * @param seen when it was last known to be running, in milliseconds since 1970
 */
export function isRunning({ pid, host, space, started }: ProcessIdentity, seen: number): boolean | undefined {
  const here = thisProcess();
  if (host !== here.host) return undefined;
  const isOfThisBoot = seen >= Date.now() - 1000 * uptime();
  if (space !== here.space) return isOfThisBoot ? undefined : false;
  if (!hasProcess(pid)) return false;
  // The process ID may have been reused by another process, which started at another time.
  const now = statOf(pid);
  if (now.state === 'Z') return false; // it has ended, but its parent has not reaped it
  return started === '' || now.started === '' ? isOfThisBoot : now.started === started;
}

function hasProcess(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH'); // EPERM: it belongs to another user
  }
}

/** Fields 3 and 22 of `/proc/<pid>/stat`, empty if there is none; the name before them may contain spaces. */
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

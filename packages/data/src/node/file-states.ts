import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { mapConcurrently } from './map-concurrently.js';
import { CONCURRENCY, type Scan } from './scan-folder.js';

/**
 * Count of numbers kept for each file: its size in bytes, the times when its content and the file itself
 * changed, its inode.
 */
const NUMBERS = 4;

/**
 * What the file system says about each file of a scan, in four numbers: size in bytes, time when the content changed,
 * time when the file changed, inode. The third changes whenever a file is written, renamed or has its times set, and
 * the fourth reveals files that were exchanged, so equal numbers mean an equal file. All are 0 for anything but a file,
 * such as a link that leads nowhere.
 */
export type FileStates = BigUint64Array;

/** The states of all files of a scan. */
export async function statesOf({ folder, names }: Scan): Promise<FileStates> {
  const states = new BigUint64Array(NUMBERS * names.length);
  await mapConcurrently(names, CONCURRENCY, async (name, i) => {
    const found = await stat(join(folder, name), { bigint: true }).catch(() => undefined);
    if (found?.isFile() !== true) return;
    states.set([found.size, found.mtimeNs, found.ctimeNs, found.ino || 1n], NUMBERS * i);
  });
  return states;
}

/** Whether a file existed when the states were taken. */
export function isThere(states: FileStates, file: number): boolean {
  return states[NUMBERS * file + 3] !== 0n;
}

/**
 * A SHA-256 for files: of their names and states.
 *
 * @param options anything else that it depends on, as JSON
 * @param files indices of the files; omit for all
 */
export function fingerprintOf(
  options: unknown,
  { names }: Scan,
  states: FileStates,
  files: Iterable<number> = names.keys(),
): Uint8Array {
  const hash = createHash('sha256').update(JSON.stringify(options));
  for (const file of files) {
    hash.update(`\0${names[file]!}\0`);
    hash.update(states.subarray(NUMBERS * file, NUMBERS * (file + 1)));
  }
  return hash.digest();
}

/** The resolution of file systems' times: a tick of the kernel takes at most 10 ms. */
const TICK_MS = 20;

/**
 * Waits, for at most 20 ms, until the newest change of a file is so long ago that a later one gets another time. Files
 * that are read afterwards cannot change without their state changing too.
 */
export async function untilSettled(states: FileStates): Promise<void> {
  let newest = 0n;
  for (let i = 2; i < states.length; i += NUMBERS) if (states[i]! > newest) newest = states[i]!;
  const left = TICK_MS - (Date.now() - Number(newest / 1_000_000n));
  if (left > 0) await after(Math.min(left, TICK_MS));
}

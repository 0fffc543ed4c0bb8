import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { mapConcurrently } from './map-concurrently.js';
import { CONCURRENCY, type Scan } from './scan-folder.js';

/** Numbers that are kept of a file: its bytes, the times of change of content and of the file itself, its inode. */
const NUMBERS = 4;

/**
 * What the file system says of each file of a scan, four numbers for each: bytes, time of change of the content, time
 * of change of the file, inode. The third changes whenever a file is written, renamed or has its times set, and the
 * fourth tells files that were exchanged, so that equal numbers mean an equal file. All are 0 for what is no file, such
 * as a link that leads nowhere.
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

/** Whether a file was there when the states were taken. */
export function isThere(states: FileStates, file: number): boolean {
  return states[NUMBERS * file + 3] !== 0n;
}

/**
 * A SHA-256 of files: of their names and states.
 *
 * @param options whatever else it depends on, as JSON
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

/** Steps in which file systems count time: a tick of the kernel is at most 10 ms. */
const TICK_MS = 20;

/**
 * Waits until the newest change of a file lies so far back that a later one has another time, at most 20 ms. Files that
 * are read afterwards cannot change again without their state doing so.
 */
export async function untilSettled(states: FileStates): Promise<void> {
  let newest = 0n;
  for (let i = 2; i < states.length; i += NUMBERS) if (states[i]! > newest) newest = states[i]!;
  const left = TICK_MS - (Date.now() - Number(newest / 1_000_000n));
  if (left > 0) await after(Math.min(left, TICK_MS));
}

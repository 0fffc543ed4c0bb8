import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { causeText } from '@flowmap/tensor';
import { FolderInUseError, WriteError, type FolderHolder } from '../errors.js';
import { isRunning, thisProcess, type ProcessIdentity } from './process-identity.js';

/** A folder that nobody else may use until it is released. */
export interface FolderLock {
  readonly folder: string;
  /**
   * Lets others use the folder, and removes it if it was made for the lock and is empty again. Does nothing if it has
   * already been released or the folder has vanished.
   */
  release(): void;
}

/** Milliseconds between two signs of life. */
const HEARTBEAT = 60_000;
/** Milliseconds without one after which a holder that cannot be checked counts as gone. */
const SILENCE = 600_000;

/**
 * Locks a folder for this process, creating it if it is missing. The lock is a small file in the folder that names the
 * process, from the moment when it appears. The lock of a process that has died is taken over: at once if it ran on this
 * machine, otherwise after ten minutes without a sign of life.
 *
 * @param name name of the lock's file; locks with different names are independent
 * @throws {FolderInUseError} when another process, or an earlier call in this one, holds the folder
 * @throws {WriteError} when the folder cannot be written
 */
export function lockFolder(folder: string, name = 'lock'): FolderLock {
  const path = join(folder, name);
  const mine = `${JSON.stringify({ ...thisProcess(), since: new Date().toISOString() })}\n`;
  let made: string | undefined;
  try {
    made = mkdirSync(folder, { recursive: true });
    if (made !== undefined) flushAbove(folder, made);
    take(folder, path, mine);
  } catch (cause) {
    if (cause instanceof FolderInUseError) throw cause;
    throw new WriteError(folder, `cannot be used (${causeText(cause)})`, { cause });
  }
  const ifMine = (action: () => void): void => {
    try {
      if (read(path)?.text === mine) action();
    } catch {
      // A lock that can no longer be touched counts as gone once this process ends.
    }
  };
  const heartbeat = setInterval(() => ifMine(() => utimesSync(path, new Date(), new Date())), HEARTBEAT).unref();
  let isHeld = true;
  return {
    folder,
    release() {
      if (!isHeld) return;
      isHeld = false;
      clearInterval(heartbeat);
      ifMine(() => {
        rmSync(path);
        if (made !== undefined) removeEmpty(folder, made);
      });
    },
  };
}

/**
 * Locks the folder that `choose` returns. Since the choice may depend on what other processes do, it is made again once
 * the folder is locked, until it returns the folder that is locked.
 *
 * @throws what {@link lockFolder} and `choose` throw
 */
export async function lockChosenFolder(choose: () => string | Promise<string>, name?: string): Promise<FolderLock> {
  for (;;) {
    const lock = lockFolder(await choose(), name);
    try {
      if ((await choose()) === lock.folder) return lock;
    } catch (error) {
      lock.release();
      throw error;
    }
    lock.release();
  }
}

/**
 * Flushes the places where a folder and its parents, up to `last`, were created; a failing disk is reported
 * by the first write.
 */
function flushAbove(folder: string, last: string): void {
  for (let path = resolve(folder); ; path = dirname(path)) {
    try {
      const above = openSync(dirname(path), 'r');
      try {
        fsyncSync(above);
      } finally {
        closeSync(above);
      }
    } catch {
      return; // not every system can open a folder
    }
    if (path === resolve(last) || path === dirname(path)) return;
  }
}

/** Removes a folder and its parents, up to `last`, as long as they are empty. */
function removeEmpty(folder: string, last: string): void {
  for (let path = resolve(folder); ; path = dirname(path)) {
    rmdirSync(path); // throws unless it is empty
    if (path === resolve(last)) return;
  }
}

/** The content of a lock's file. */
type Holder = ProcessIdentity & FolderHolder;

/** A lock's file as it was found. */
interface Found {
  readonly text: string;
  /** Who wrote it; undefined if the file was cut off. */
  readonly holder: Holder | undefined;
  /** Its last sign of life, in milliseconds since 1970. */
  readonly seen: number;
}

/**
 * Makes the lock's file hold `mine`.
 *
 * A lock whose holder is gone is replaced only by the process that created `<path>.next`, a file that becomes the lock
 * if the old lock is still unchanged. So a process that comes late cannot take the lock away from a faster one.
 */
function take(folder: string, path: string, mine: string): void {
  const next = `${path}.next`;
  while (!create(path, mine)) {
    const found = read(path);
    if (found === undefined) continue; // released in the meantime
    requireGone(folder, found);
    if (create(next, mine)) {
      const now = read(path);
      if (now?.text === found.text && now.seen === found.seen) {
        ifThere(() => renameSync(next, path));
        if (read(path)?.text === mine) return;
      } else {
        rmSync(next, { force: true });
      }
    } else {
      const other = read(next);
      if (other === undefined) continue; // it has become the lock, or been given up
      requireGone(folder, other); // its creator may have died on the way
      rmSync(next, { force: true });
    }
  }
}

/** @throws {FolderInUseError} unless the holder is gone */
function requireGone(folder: string, { holder, seen }: Found): void {
  const runs = holder && isRunning(holder, seen);
  if (runs === false || (runs === undefined && seen < Date.now() - SILENCE)) return;
  const advice = 'If it has crashed, the folder is free ten minutes after its last sign of life';
  throw new FolderInUseError(folder, holder, runs === undefined ? advice : undefined);
}

/** What systems answer when a file cannot be linked, on file systems that have no links. */
const NO_LINKS: readonly unknown[] = ['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'EMLINK'];

/**
 * Creates a file that holds its whole text from the first moment on; returns false if it exists already. The text goes
 * to a temporary file, which is then linked to the path. Without links the text is written after the file is created.
 */
function create(path: string, text: string): boolean {
  if (existsSync(path)) return false;
  const temporary = `${path}.${randomUUID()}.tmp`;
  write(temporary, text);
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (ifThere(() => statSync(temporary).nlink) === 2) return true; // linked, though a network said otherwise
    const code = codeOf(error);
    if (code === 'EEXIST') return false;
    if (code === 'ENOENT') return create(path, text); // whoever holds the folder has removed temporary files
    if (NO_LINKS.includes(code)) return write(path, text);
    throw error;
  } finally {
    try {
      rmSync(temporary, { force: true });
    } catch {
      // One that stays is removed with those of writeFileAtomic.
    }
  }
}

/** Writes a new file; returns false if it exists already. */
function write(path: string, text: string): boolean {
  let file: number;
  try {
    file = openSync(path, 'wx');
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    writeSync(file, text);
    return true;
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

/** Reads a lock's file; undefined if there is none. */
function read(path: string): Found | undefined {
  return ifThere(() => {
    const text = readFileSync(path, 'utf8');
    return { text, holder: parse(text), seen: statSync(path).mtimeMs };
  });
}

function parse(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Holder;
    const texts = [value.host, value.space, value.started, value.since];
    return typeof value.pid === 'number' && texts.every((field) => typeof field === 'string') ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The result of an action on a file, or undefined if the file is missing. */
function ifThere<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { hostname, tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { bundleScript } from '@flowmap/contract/bundle-script';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FolderInUseError, WriteError } from '../errors.js';
import { lockChosenFolder, lockFolder } from './lock-folder.js';
import { removeTemporaries } from './write-file-atomic.js';

let folder: string;
/** Scripts of the processes, and what is loaded before one. */
let [lockInChild, dieAtCall] = ['', ''];
beforeAll(async () => {
  const fixture = (name: string): string => join(import.meta.dirname, '__fixtures__', name);
  lockInChild = await bundleScript(fixture('lock-in-child.ts'));
  dieAtCall = await bundleScript(fixture('die-at.ts'));
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flowmap-lock-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const MINUTE = 60_000;

/** The content of a lock of this process. */
async function content(): Promise<Record<string, string | number>> {
  const lock = lockFolder(folder, 'sample');
  const text = await readFile(join(folder, 'sample'), 'utf8');
  lock.release();
  return JSON.parse(text) as Record<string, string | number>;
}

/** Leaves somebody else's lock, with its last sign of life `ago` milliseconds in the past. */
async function leave(text: string, ago: number, name = 'lock'): Promise<void> {
  await writeFile(join(folder, name), text);
  const seen = new Date(Date.now() - ago);
  await utimes(join(folder, name), seen, seen);
}

/** A process that has ended. */
const deadPid = (): number =>
  Number(execFileSync(process.execPath, ['-e', 'process.stdout.write(String(process.pid))'], { encoding: 'utf8' }));

function refused(): FolderInUseError {
  try {
    lockFolder(folder).release();
  } catch (error) {
    if (error instanceof FolderInUseError) return error;
    throw error;
  }
  throw new Error('the folder was not in use');
}

function isFree(): boolean {
  lockFolder(folder).release();
  return true;
}

describe('a lock', () => {
  test('names the process that holds it, keeps everybody else out, and is gone when released', async () => {
    const lock = lockFolder(join(folder, 'new', 'run'));
    const text = await readFile(join(lock.folder, 'lock'), 'utf8');
    expect(JSON.parse(text)).toMatchObject({ pid: process.pid, host: hostname() });
    expect(() => lockFolder(lock.folder)).toThrow(FolderInUseError);
    expect(await readFile(join(lock.folder, 'lock'), 'utf8')).toBe(text);
    await writeFile(join(lock.folder, 'result'), '');
    lock.release();
    expect(await readdir(lock.folder)).toEqual(['result']);
  });

  test('tells who holds it, since when, and what to do', () => {
    const lock = lockFolder(folder);
    const error = refused();
    expect(error).toMatchObject({ folder, holder: { pid: process.pid, host: hostname() } });
    expect(Date.now() - Date.parse(error.holder!.since)).toBeGreaterThanOrEqual(0);
    expect(error.message).toBe(
      `${folder} is in use by process ${process.pid} on ${hostname()} since ${error.holder!.since}; ` +
        'wait until it has ended, stop it, or choose another folder',
    );
    lock.release();
  });

  test('of another name is another lock', () => {
    const lock = lockFolder(folder, 'one');
    lockFolder(folder, 'two').release();
    expect(() => lockFolder(folder, 'one')).toThrow(FolderInUseError);
    lock.release();
  });

  test('released twice, or taken over meanwhile, leaves the locks of others alone', async () => {
    const first = lockFolder(folder);
    first.release();
    const second = lockFolder(folder);
    first.release();
    expect(refused().holder?.pid).toBe(process.pid);
    await writeFile(join(folder, 'lock'), 'of another');
    second.release();
    expect(await readFile(join(folder, 'lock'), 'utf8')).toBe('of another');
  });

  test('of a folder that has vanished is released all the same', async () => {
    const lock = lockFolder(folder);
    await rm(folder, { recursive: true });
    lock.release();
  });

  test('removes a folder that was made for it and is empty again', async () => {
    lockFolder(join(folder, 'new', 'run')).release();
    expect(await readdir(folder)).toEqual([]);
    const lock = lockFolder(join(folder, 'new', 'run'));
    await writeFile(join(folder, 'new', 'mine'), '');
    lock.release();
    expect(await readdir(folder)).toEqual(['new']);
    expect(await readdir(join(folder, 'new'))).toEqual(['mine']);
    lockFolder(join(folder, 'new')).release(); // the folder existed before
    lockFolder(folder).release();
    expect(await readdir(folder)).toEqual(['new']);
  });

  test('of a folder that cannot exist is a write error', async () => {
    await writeFile(join(folder, 'file'), '');
    expect(() => lockFolder(join(folder, 'file'))).toThrow(WriteError);
    expect(() => lockFolder(join(folder, 'file', 'below'))).toThrow(WriteError);
  });
});

describe('a lock that was left', () => {
  test('by a process that has ended is taken over at once', async () => {
    await leave(JSON.stringify({ ...(await content()), pid: deadPid() }), 0);
    expect(isFree()).toBe(true);
    expect(await readdir(folder)).toEqual([]);
  });

  test('by a running process stays, however long it has been silent', async () => {
    await leave(JSON.stringify(await content()), 0.5 * uptime() * 1000);
    expect(refused().holder?.pid).toBe(process.pid);
  });

  test('with a process ID that another process has since been given is taken over', async () => {
    const mine = await content();
    if (mine['started'] === '') {
      // Where the start time of a process is unknown, one from before the machine started must have ended.
      await leave(JSON.stringify(mine), (uptime() + 60) * 1000);
    } else {
      await leave(JSON.stringify({ ...mine, started: '1' }), 0);
    }
    expect(isFree()).toBe(true);
  });

  test('before the last start of the machine is taken over', async () => {
    const earlier = JSON.stringify({ ...(await content()), space: 'boot before' });
    await leave(earlier, (uptime() + 60) * 1000);
    expect(isFree()).toBe(true);
  });

  test.each([
    ['on another machine', { host: 'elsewhere' }],
    ['in another container of this machine', { space: 'container' }],
  ])('%s is taken over after ten minutes of silence', async (_, change) => {
    const other = JSON.stringify({ ...(await content()), ...change, pid: deadPid() });
    // On a machine that has just started, nothing can have been running for ten minutes.
    const silences = [0, Math.min(9, uptime() / 60 / 2)];
    for (const minutes of silences) {
      await leave(other, minutes * MINUTE);
      expect(refused().message).toContain('free ten minutes after its last sign of life');
    }
    await leave(other, 11 * MINUTE);
    expect(isFree()).toBe(true);
  });

  test.each([
    ['empty', ''],
    ['cut off', '{"pid":1'],
    ['something else', 'null'],
  ])('and is %s is taken over after ten minutes of silence', async (_, text) => {
    await leave(text, 9 * MINUTE);
    expect(refused()).toMatchObject({ holder: undefined });
    expect(refused().message).toContain('in use by another process;');
    await leave(text, 11 * MINUTE);
    expect(isFree()).toBe(true);
  });
});

describe('taking over', () => {
  test('waits for a process that is taking over', async () => {
    const mine = await content();
    const dead = JSON.stringify({ ...mine, pid: deadPid() });
    await leave(dead, 0);
    await leave(JSON.stringify(mine), 0, 'lock.next');
    expect(refused().holder?.pid).toBe(process.pid);
    expect(await readFile(join(folder, 'lock'), 'utf8')).toBe(dead);
  });

  test('continues where a process that was taking over has died', async () => {
    const dead = JSON.stringify({ ...(await content()), pid: deadPid() });
    await leave(dead, 0);
    await leave(dead, 0, 'lock.next');
    expect(isFree()).toBe(true);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('a process that dies when it creates its lock', () => {
  test.each([
    ['before it has one', 'linkSync', []],
    ['just after', 'rmSync', ['lock']],
  ])('%s, does not hold the folder', async (_, dieAt, left) => {
    const args = ['--import', pathToFileURL(dieAtCall).href, lockInChild];
    const env = { ...process.env, FLOWMAP_DIE_AT: dieAt };
    const child = spawn(process.execPath, [...args, folder], { env, stdio: ['pipe', 'ignore', 'inherit'] });
    child.stdin.write('go\n');
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
    const isTemporary = (name: string): boolean => name.endsWith('.tmp');
    const names = await readdir(folder);
    expect(names.filter(isTemporary)).toHaveLength(1);
    expect(names.filter((name) => !isTemporary(name))).toEqual(left);
    expect(isFree()).toBe(true);
    await removeTemporaries(folder);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('a lock that cannot be linked', () => {
  const { linkSync } = fs;
  /** Makes links fail, after calling `first`. */
  function failing(code: string, first: typeof linkSync = () => undefined): void {
    fs.linkSync = (...args) => {
      first(...args);
      throw Object.assign(new Error(code), { code });
    };
    syncBuiltinESMExports();
  }
  afterEach(() => {
    fs.linkSync = linkSync;
    syncBuiltinESMExports();
  });

  test('is written where there are no links', async () => {
    failing('EPERM');
    const lock = lockFolder(folder);
    expect(refused().holder?.pid).toBe(process.pid);
    expect(await readdir(folder)).toEqual(['lock']);
    lock.release();
    expect(await readdir(folder)).toEqual([]);
  });

  test('is held when the link was made though an error says otherwise', async () => {
    failing('EEXIST', linkSync);
    const lock = lockFolder(folder);
    expect(await readdir(folder)).toEqual(['lock']);
    lock.release();
  });

  test('is made again when its temporary file was removed', async () => {
    failing('ENOENT', (temporary) => {
      fs.rmSync(temporary);
      fs.linkSync = linkSync;
      syncBuiltinESMExports();
    });
    lockFolder(folder).release();
    expect(await readdir(folder)).toEqual([]);
  });

  test('is a write error when the disk fails, and leaves nothing', async () => {
    failing('EIO');
    expect(() => lockFolder(folder)).toThrow(WriteError);
    expect(await readdir(folder)).toEqual([]);
  });
});

test('one of many processes that find a dead lock at once takes it over', async () => {
  await leave(JSON.stringify({ ...(await content()), pid: deadPid() }), 0);
  const children = Array.from({ length: 4 }, () => {
    const child = spawn(process.execPath, [lockInChild, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const line = async (): Promise<unknown> => (await lines.next()).value;
    return { child, line };
  });
  for (const { line } of children) expect(await line()).toBe('ready');
  for (const { child } of children) child.stdin.write('go\n');
  const results = await Promise.all(children.map(({ line }) => line()));
  expect(results.sort()).toEqual(['held', 'refused', 'refused', 'refused']);
  // The holders end without releasing it.
  await Promise.all(
    children.map(async ({ child }) => {
      child.stdin.end();
      await once(child, 'exit');
    }),
  );
  expect(await readdir(folder)).toEqual(['lock']);
  expect(isFree()).toBe(true);
});

describe('a folder that is chosen', () => {
  test('is chosen again when it is held', async () => {
    const [first, second] = [join(folder, 'run'), join(folder, 'run-2')];
    const answers = [first, second, second, second];
    const lock = await lockChosenFolder(() => answers.shift()!);
    expect(lock.folder).toBe(second);
    expect(await readdir(folder)).toEqual(['run-2']);
    lock.release();
  });

  test('is released when it cannot be chosen again', async () => {
    let calls = 0;
    const choosing = lockChosenFolder(() => (++calls === 1 ? folder : Promise.reject(new Error('damaged'))));
    await expect(choosing).rejects.toThrow('damaged');
    expect(isFree()).toBe(true);
  });
});

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError } from '@flowmap/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeAtomically } from './write-atomically.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flowmap-data-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('writes all chunks, makes the folder, replaces what was there, leaves nothing else', async () => {
  const path = join(folder, 'a', 'b', 'file');
  await writeAtomically(path, [Uint8Array.of(1)]);
  await writeAtomically(path, [Uint8Array.of(2, 3), Uint8Array.of(), Uint8Array.of(4)]);
  expect([...(await readFile(path))]).toEqual([2, 3, 4]);
  expect(await readdir(join(folder, 'a', 'b'))).toEqual(['file']);
});

test('a write that is interrupted leaves the old file whole and no temporary file', async () => {
  const path = join(folder, 'file');
  await writeFile(path, 'before');
  function* interrupted(): Generator<Uint8Array> {
    yield new Uint8Array(1000);
    throw new Error('disk full');
  }
  await expect(writeAtomically(path, interrupted())).rejects.toThrow(`${path}: cannot be written (disk full)`);
  expect(await readFile(path, 'utf8')).toBe('before');
  expect(await readdir(folder)).toEqual(['file']);
});

test('a folder that cannot be made is named', async () => {
  await writeFile(join(folder, 'taken'), '');
  const write = writeAtomically(join(folder, 'taken', 'file'), [Uint8Array.of(1)]);
  await expect(write).rejects.toThrow(DataError);
  await expect(write).rejects.toMatchObject({ path: join(folder, 'taken') });
});

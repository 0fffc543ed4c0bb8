import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointError, WriteError } from '@flowmap/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nextRunFolder } from './run-folder.js';

describe('nextRunFolder', () => {
  let scratch = '';
  beforeAll(async () => (scratch = await mkdtemp(join(tmpdir(), 'flowmap-runs-'))));
  afterAll(async () => rm(scratch, { recursive: true }));

  /** A folder with the given files. */
  async function folder(name: string, files: Record<string, string>): Promise<string> {
    await mkdir(join(scratch, name), { recursive: true });
    for (const [file, text] of Object.entries(files)) await writeFile(join(scratch, name, file), text);
    return join(scratch, name);
  }
  const config = (kind: string): string =>
    JSON.stringify({ version: 1, kind, run: {}, runtime: 'reference', config: null });

  test('is the base when nothing is there, or nothing of a run', async () => {
    const base = join(scratch, 'new');
    expect(await nextRunFolder(base)).toEqual({ folder: base, resumes: false });
    const pictures = await folder('pictures', { 'photo.png': '' });
    expect(await nextRunFolder(pictures)).toEqual({ folder: pictures, resumes: false });
  });

  test('is an unfinished run, to resume it', async () => {
    const base = await folder('unfinished', { 'config.json': config('flowMap'), 'teacher.safetensors': '' });
    expect(await nextRunFolder(base)).toEqual({ folder: base, resumes: true });
  });

  test('is the first number without a finished run', async () => {
    const base = await folder('done', { 'config.json': config('flowMap'), 'student.safetensors': '' });
    expect(await nextRunFolder(base)).toEqual({ folder: `${base}-2`, resumes: false });
    await folder('done-2', { 'config.json': config('velocity'), 'teacher.safetensors': '' });
    await folder('done-3', { 'config.json': config('velocity') });
    expect(await nextRunFolder(base)).toEqual({ folder: `${base}-3`, resumes: true });
  });

  test('leaves alone what looks like the files of a run it does not know', async () => {
    const base = await folder('unknown', { 'student.safetensors': '' });
    expect(await nextRunFolder(base)).toEqual({ folder: `${base}-2`, resumes: false });
  });

  test('refuses a file in its place, and a damaged config.json', async () => {
    await writeFile(join(scratch, 'file'), '');
    await expect(nextRunFolder(join(scratch, 'file'))).rejects.toBeInstanceOf(WriteError);
    const damaged = await folder('damaged', { 'config.json': '{' });
    await expect(nextRunFolder(damaged)).rejects.toBeInstanceOf(CheckpointError);
    const other = await folder('other', { 'config.json': '{"name":"mine"}' });
    await expect(nextRunFolder(other)).rejects.toThrow(join(other, 'config.json'));
  });
});

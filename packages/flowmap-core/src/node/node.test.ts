import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CheckpointError, WriteError } from '../errors.js';
import { flowMapFrom, type Model } from '../models/model.js';
import { mlp } from '../networks/mlp.js';
import {
  loadFlowMap,
  loadModel,
  loadVelocityField,
  readJsonFile,
  readTextFile,
  removeTemporaries,
  saveModel,
  writeFileAtomic,
} from './index.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flowmap-core-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('atomic writing', () => {
  test('replaces bytes or text, creating the folder', async () => {
    const path = join(folder, 'a', 'b', 'file');
    await writeFileAtomic(path, Uint8Array.of(1, 2, 3));
    expect(await readFile(path)).toEqual(Buffer.from([1, 2, 3]));
    await writeFileAtomic(path, 'später');
    expect(await readFile(path, 'utf8')).toBe('später');
    expect(await readdir(join(folder, 'a', 'b'))).toEqual(['file']);
  });

  test('leaves the whole old file to a process that is reading it', async () => {
    const path = join(folder, 'file');
    await writeFileAtomic(path, 'former');
    const reader = await open(path);
    await writeFileAtomic(path, 'latter');
    expect(await reader.readFile('utf8')).toBe('former');
    await reader.close();
    expect(await readFile(path, 'utf8')).toBe('latter');
  });

  test('flushes the file, then the folder that it was renamed in, and where folders were created', async () => {
    const handle = await open(folder);
    const sync = vi.spyOn(Object.getPrototypeOf(handle) as typeof handle, 'sync');
    await handle.close();
    const kinds: Promise<boolean>[] = [];
    sync.mockImplementation(async function (this: typeof handle) {
      kinds.push(this.stat().then((stats) => stats.isDirectory()));
      await this.datasync();
    });
    await writeFileAtomic(join(folder, 'a', 'b', 'file'), 'text');
    expect(await Promise.all(kinds)).toEqual([true, true, false, true]);
    kinds.length = 0;
    await writeFileAtomic(join(folder, 'a', 'b', 'file'), 'text');
    expect(await Promise.all(kinds)).toEqual([false, true]);
    // The error of a failing disk is reported.
    sync.mockRejectedValueOnce(new Error('EIO'));
    await expect(writeFileAtomic(join(folder, 'file'), 'text')).rejects.toThrow('EIO');
    sync.mockRestore();
    expect(await readdir(folder)).toEqual(['a']);
  });

  test('by many at once leaves the content of one of them', async () => {
    const path = join(folder, 'file');
    await Promise.all(Array.from({ length: 8 }, (_, i) => writeFileAtomic(path, String(i).repeat(1000))));
    expect(await readFile(path, 'utf8')).toMatch(/^(\d)\1{999}$/);
    expect(await readdir(folder)).toEqual(['file']);
  });

  test('takes pieces, and leaves the old file whole if interrupted between two of them', async () => {
    const path = join(folder, 'file');
    await writeFileAtomic(path, [Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3)]);
    function* interrupted(): Generator<Uint8Array> {
      yield new Uint8Array(1000);
      throw new Error('disk full');
    }
    await expect(writeFileAtomic(path, interrupted())).rejects.toThrow(`${path}: cannot be written (disk full)`);
    expect([...(await readFile(path))]).toEqual([1, 2, 3]);
    expect(await readdir(folder)).toEqual(['file']);
  });

  test('reports a failure and leaves nothing behind', async () => {
    const taken = join(folder, 'taken');
    await mkdir(join(taken, 'inside'), { recursive: true });
    await expect(writeFileAtomic(taken, 'text')).rejects.toThrow(WriteError);
    await expect(writeFileAtomic(taken, 'text')).rejects.toThrow(/taken: cannot be written/);
    expect(await readdir(folder)).toEqual(['taken']);
    await writeFile(join(folder, 'file'), 'kept');
    const below = writeFileAtomic(join(folder, 'file', 'below'), 'text');
    await expect(below).rejects.toThrow(
      expect.objectContaining({ name: 'WriteError', path: join(folder, 'file', 'below') }),
    );
    expect(await readFile(join(folder, 'file'), 'utf8')).toBe('kept');
  });
});

test('only what a killed process was writing is removed', async () => {
  const left = 'latest.0b6f2bd5-6d6c-4c55-8b0c-1f4f0fd2a3ce.tmp';
  for (const name of [left, 'notes.tmp', 'latest', '0b6f2bd5.tmp']) await writeFile(join(folder, name), '');
  await removeTemporaries(folder);
  expect((await readdir(folder)).sort()).toEqual(['0b6f2bd5.tmp', 'latest', 'notes.tmp']);
});

describe('model files', () => {
  const network = mlp({ shape: [2], width: 4, depth: 1 });
  const teacher: Model = { kind: 'velocity', network, params: network.init(0), classes: [] };
  const student = flowMapFrom(teacher, 1);

  test('come back as what they are', async () => {
    const [v, f] = [join(folder, 'teacher.safetensors'), join(folder, 'student.safetensors')];
    await saveModel(v, teacher);
    await saveModel(f, student);
    expect((await loadModel(v)).params).toEqual(teacher.params);
    expect((await loadVelocityField(v)).kind).toBe('velocity');
    expect((await loadFlowMap(f)).params).toEqual(student.params);
    await expect(loadVelocityField(f)).rejects.toThrow(
      /student.safetensors: holds a flow map, wanted a velocity field/,
    );
    await expect(loadFlowMap(v)).rejects.toThrow(/teacher.safetensors: holds a velocity field, wanted a flow map/);
  });

  test('that are missing, cut off or something else are refused, and named', async () => {
    const path = join(folder, 'model.safetensors');
    const refused = async (message: RegExp): Promise<void> => {
      const loading = loadModel(path);
      await expect(loading).rejects.toThrow(CheckpointError);
      await expect(loading).rejects.toThrow(message);
      await expect(loading).rejects.toThrow(expect.objectContaining({ source: path }));
    };
    await refused(/cannot be read \(ENOENT/);
    await saveModel(path, teacher);
    await truncate(path, 2000);
    await refused(/truncated/);
    await writeFile(path, 'PK\u0003\u0004 this is an archive');
    await refused(/no safetensors file/);
  });
});

describe('JSON files', () => {
  const content = async (text: string): Promise<string> => {
    await writeFile(join(folder, 'file.json'), text);
    return join(folder, 'file.json');
  };

  test('give their value', async () => {
    expect(await readJsonFile(await content('{"a":{"a":[1,{"a":"\\"}"}]}}'))).toEqual({ a: { a: [1, { a: '"}' }] } });
  });

  test.each<[string, string, object, RegExp, string | undefined]>([
    ['no JSON', '{', {}, /file.json: is damaged: it is not JSON/, undefined],
    ['a key twice', '[{"a":1},{"b":{},"a":[{"a":1}],"\\u0061":2}]', {}, /gives the key "a" twice/, undefined],
    ['10,000 lists', '['.repeat(10_000), {}, /more than 64 deep/, 'maxNesting'],
    ['two lists', '[[]]', { maxNesting: 1 }, /more than 1 deep, the limit maxNesting/, 'maxNesting'],
    ['five bytes', '12345', { maxHeaderBytes: 4 }, /has 5 bytes, the limit maxHeaderBytes is 4/, 'maxHeaderBytes'],
  ])('of %s are refused', async (_, text, limits, message, limit) => {
    const error = await readJsonFile(await content(text), limits).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CheckpointError);
    expect(error).toMatchObject({ message: expect.stringMatching(message) as unknown, limit });
  });

  test('that are a folder or missing are refused, not waited for', async () => {
    await expect(readTextFile(folder)).rejects.toThrow(/cannot be read: it is not a file/);
    await expect(readTextFile(join(folder, 'gone'))).rejects.toThrow(CheckpointError);
  });

  test.skipIf(process.platform === 'win32')('that are a named pipe are refused, not waited for', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    await expect(readTextFile(join(folder, 'pipe'))).rejects.toThrow(/it is not a file/);
  });
});

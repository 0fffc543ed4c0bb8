import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostTensor } from '@flowmap/tensor';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CheckpointError, ConfigError } from '../errors.js';
import { decodeSafetensors } from '../safetensors/decode.js';
import { encodeSafetensors } from '../safetensors/encode.js';
import { openSafetensors } from './open-safetensors.js';

let scratch = '';
beforeAll(async () => (scratch = await mkdtemp(join(tmpdir(), 'flowmap-safetensors-'))));
afterAll(async () => rm(scratch, { recursive: true }));

const tensors = {
  a: hostTensor([2, 3], [1, 2, 3, 4, 5, 6]),
  b: hostTensor([2], [0, 1], 'bool'),
  c: hostTensor([1], [1.5], 'bfloat16'),
};
const bytes = encodeSafetensors(tensors, { k: 'v' });

/** The result of reading a whole file, or its fault. */
async function outcome(read: () => unknown): Promise<unknown> {
  try {
    return await read();
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
    return (error as Error).message;
  }
}

test('tensors are those of the whole file, each read by itself', async () => {
  const path = join(scratch, 'whole');
  await writeFile(path, bytes);
  const file = await openSafetensors(path);
  expect(file.metadata).toEqual({ k: 'v' });
  expect(file.shapes).toEqual({ a: [2, 3], b: [2], c: [1] });
  for (const name of ['c', 'a', 'b'] as const) expect(await file.tensor(name)).toEqual(tensors[name]);
  await expect(file.tensor('d')).rejects.toMatchObject({ tensor: 'd' });

  // Only its own bytes are read: others may be gone or changed.
  const changed = await open(path, 'r+');
  await changed.write(Uint8Array.of(7), 0, 1, bytes.length - 1);
  await changed.close();
  expect(await file.tensor('a')).toEqual(tensors.a);
  await expect(file.tensor('b')).rejects.toThrow('a boolean is neither 0 nor 1');
  await truncate(path, bytes.length - 3);
  await expect(file.tensor('b')).rejects.toThrow(CheckpointError);
  await rm(path);
  await expect(file.tensor('a')).rejects.toThrow('is missing or cannot be read');
});

test('bytes of a tensor that do not fit its checksum are refused when it is read, unless checksums are skipped', async () => {
  const path = join(scratch, 'sealed');
  const sealed = encodeSafetensors(tensors, { k: 'v' }, { checksums: true });
  sealed[sealed.length - 1]! ^= 1; // of b
  await writeFile(path, sealed);
  const file = await openSafetensors(path);
  expect(file.metadata).toEqual({ k: 'v' });
  expect(await file.tensor('a')).toEqual(tensors.a);
  await expect(file.tensor('b')).rejects.toThrow('tensor "b" is damaged: its checksum does not fit');
  const unchecked = await openSafetensors(path, { verify: false });
  expect(await unchecked.tensor('b')).toEqual(hostTensor([2], [0, 0], 'bool'));
});

test('a file is refused as the whole of it would be, whatever was cut or changed', async () => {
  const path = join(scratch, 'damaged');
  const damaged = Array.from({ length: bytes.length }, (_, i) => [
    bytes.slice(0, i),
    bytes.map((byte, j) => (i === j ? byte ^ 0x20 : byte)),
  ]).flat();
  for (const content of damaged) {
    await writeFile(path, content);
    const whole = await outcome(() => decodeSafetensors(content, path));
    const parts = await outcome(async () => {
      const { metadata, shapes, tensor } = await openSafetensors(path);
      const read = Object.keys(shapes).map(async (name) => [name, await tensor(name)] as const);
      return { tensors: Object.fromEntries(await Promise.all(read)), metadata };
    });
    expect(parts).toEqual(whole);
  }
});

test('limits hold, and what is no file is refused', async () => {
  const path = join(scratch, 'limits');
  await writeFile(path, bytes);
  await expect(openSafetensors(path, { maxHeaderBytes: 16 })).rejects.toMatchObject({ limit: 'maxHeaderBytes' });
  await expect(openSafetensors(path, { maxTensors: 2 })).rejects.toMatchObject({ limit: 'maxTensors' });
  await expect(openSafetensors(path, { maxTensors: 0 })).rejects.toThrow(ConfigError);
  await expect(openSafetensors(scratch)).rejects.toThrow('it is not a file');
  await expect(openSafetensors(join(scratch, 'none'))).rejects.toThrow(CheckpointError);
});

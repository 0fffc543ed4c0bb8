import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { DataError } from '@flowmap/core';

/**
 * The bytes of a file, decompressed if they are gzip's (known by their first two bytes, not by the name).
 *
 * @throws {DataError} when the file cannot be read, or its compressed data is truncated or corrupt
 */
export async function readBytes(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  if (!(bytes[0] === 0x1f && bytes[1] === 0x8b)) return bytes;
  return promisify(gunzip)(bytes).catch((cause: unknown) => {
    throw new DataError(path, `the gzip data is truncated or corrupt (${messageOf(cause)})`, { cause });
  });
}

/** The `DataError` for a file or folder that the operating system will not give. */
export function unreadable(path: string, cause: unknown): DataError {
  const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
  return new DataError(path, missing ? 'no such file or folder' : `cannot be read (${messageOf(cause)})`, { cause });
}

/** What an unknown thrown value says. */
export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

import { kMaxLength } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { causeText, DataError } from '@flowmap/core';

/**
 * The bytes of a file, decompressed if it is gzip (recognised by the first two bytes, not by the name).
 *
 * @param maxBytes the most bytes to which compressed data may expand
 * @throws {DataError} when the file cannot be read, or its compressed data is truncated, corrupt or over the limit
 */
export async function readBytes(path: string, maxBytes: number): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  if (!(bytes[0] === 0x1f && bytes[1] === 0x8b)) return bytes;
  const maxOutputLength = Math.min(Math.floor(maxBytes), kMaxLength);
  return promisify(gunzip)(bytes, { maxOutputLength }).catch((cause: unknown) => {
    if (codeOf(cause) === 'ERR_BUFFER_TOO_LARGE') {
      const fault = `decompresses to more than ${maxOutputLength} bytes, the limit maxBytes`;
      throw new DataError(path, fault, { cause, limit: 'maxBytes' });
    }
    throw new DataError(path, `the gzip data is truncated or corrupt (${messageOf(cause)})`, { cause });
  });
}

/** The `DataError` for a file or folder that cannot be read. */
export function unreadable(path: string, cause: unknown): DataError {
  const missing = codeOf(cause) === 'ENOENT';
  const fault = path.includes('\ufffd') ? 'has a name that is not UTF-8; rename it' : 'no such file or folder';
  return new DataError(path, missing ? fault : `cannot be read (${messageOf(cause)})`, { cause });
}

/** The message of an unknown thrown value, on one line. */
export function messageOf(cause: unknown): string {
  return causeText(cause)
    .trim()
    .replace(/\s*\n\s*/g, '; ')
    .slice(0, 500);
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}

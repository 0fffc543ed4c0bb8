import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { causeText } from '@flowmap/tensor';
import { CheckpointError } from '../errors.js';
import { parseJson } from '../internal/json.js';
import { withDefaults, type ReadLimits } from '../limits.js';

/**
 * Reads the value in an untrusted JSON file.
 *
 * @param limits how long (`maxHeaderBytes`) and deep (`maxNesting`) it may be
 * @throws {CheckpointError} for a file that cannot be read, is not JSON, repeats a key, or exceeds a limit, which the
 *   error's `limit` names
 * @throws {ConfigError} for a limit that is not a number >= 1
 */
export async function readJsonFile(path: string, limits: ReadLimits = {}): Promise<unknown> {
  const parsed = parseJson(await readTextFile(path, limits), withDefaults(limits).maxNesting);
  if ('value' in parsed) return parsed.value;
  throw new CheckpointError(path, `is damaged: it ${parsed.fault}`, parsed.limit && { limit: parsed.limit });
}

/**
 * Reads the text of an untrusted file, provided that it is an ordinary file and not too long.
 *
 * @param limits `maxHeaderBytes` is the largest size allowed
 * @throws {CheckpointError} for a file that cannot be read or exceeds the limit
 */
export async function readTextFile(path: string, limits: ReadLimits = {}): Promise<string> {
  const { maxHeaderBytes } = withDefaults(limits);
  try {
    // Without O_NONBLOCK, opening a named pipe would block until something writes to it.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) throw new CheckpointError(path, 'cannot be read: it is not a file');
      if (stats.size > maxHeaderBytes) {
        const fault = `has ${stats.size} bytes, the limit maxHeaderBytes is ${maxHeaderBytes}`;
        throw new CheckpointError(path, fault, { limit: 'maxHeaderBytes' });
      }
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause;
    throw new CheckpointError(path, `is missing or cannot be read (${causeText(cause)})`, { cause });
  }
}

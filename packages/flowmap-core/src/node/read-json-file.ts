import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { causeText } from '@flowmap/tensor';
import { CheckpointError } from '../errors.js';
import { parseJson } from '../internal/json.js';
import { withDefaults, type ReadLimits } from '../limits.js';

/**
 * The value in a JSON file that is not trusted.
 *
 * @param limits how long (`maxHeaderBytes`) and deep (`maxNesting`) it may be
 * @throws {CheckpointError} for a file that cannot be read, is not JSON, gives a key twice, or is over a limit, which the
 *   error's `limit` names
 * @throws {ConfigError} for a limit that is not a number >= 1
 */
export async function readJsonFile(path: string, limits: ReadLimits = {}): Promise<unknown> {
  const parsed = parseJson(await readTextFile(path, limits), withDefaults(limits).maxNesting);
  if ('value' in parsed) return parsed.value;
  throw new CheckpointError(path, `is damaged: it ${parsed.fault}`, parsed.limit && { limit: parsed.limit });
}

/**
 * The text in a file that is not trusted, read only if it is an ordinary file that is not too long.
 *
 * @param limits `maxHeaderBytes` is how long it may be
 * @throws {CheckpointError} for a file that cannot be read or is over the limit
 */
export async function readTextFile(path: string, limits: ReadLimits = {}): Promise<string> {
  const { maxHeaderBytes } = withDefaults(limits);
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK); // a named pipe would block until something writes to it
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

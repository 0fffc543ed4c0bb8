import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { causeText, quoted, type HostTensor, type Shape } from '@flowmap/tensor';
import { CheckpointError, ConfigError } from '../errors.js';
import type { ReadOptions } from '../limits.js';
import { decodeHeader, decodeTensor, headerEnd, LENGTH } from '../safetensors/decode.js';

/** An open safetensors file whose tensors are read one at a time. */
export interface SafetensorsFile {
  readonly metadata: Readonly<Record<string, string>>;
  /** Shapes of its tensors, by name. */
  readonly shapes: Readonly<Record<string, Shape>>;
  /**
   * Reads the bytes of one tensor, and no others.
   *
   * @throws {CheckpointError} for a name that the file lacks, or if the file can no longer be read, has become
   *   shorter, or holds bytes that do not match their checksum
   */
  readonly tensor: (name: string) => Promise<HostTensor>;
}

/**
 * Reads the header of a safetensors file, trusting nothing in it, and each tensor on demand. The file does not stay
 * open.
 *
 * @param options how large and how deeply nested the header may be, how many tensors it may list, and whether checksums
 *   are compared
 * @throws {CheckpointError} for a file that is missing, cannot be read, or that `decodeSafetensors` would refuse
 * @throws {ConfigError} for a limit that is not a number >= 1
 */
export async function openSafetensors(path: string, options: ReadOptions = {}): Promise<SafetensorsFile> {
  const { start, entries, metadata, checksums } = await withFile(path, async (file, size) => {
    const start = headerEnd(await read(file, 0, Math.min(LENGTH, size)), size, path, options);
    const json = await read(file, LENGTH, start);
    return { start, ...decodeHeader(json, size - start, path, options) };
  });
  return {
    metadata,
    shapes: Object.fromEntries(entries.map(({ name, shape }) => [name, shape])),
    async tensor(name) {
      const entry = entries.find((other) => other.name === name);
      if (entry === undefined) throw new CheckpointError(path, `has no tensor ${quoted(name)}`, { tensor: name });
      const bytes = await withFile(path, (file) => read(file, start + entry.begin, start + entry.end));
      return decodeTensor(entry, bytes, path, checksums);
    },
  };

  async function read(file: FileHandle, begin: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(end - begin);
    for (let done = 0; done < bytes.length;) {
      const { bytesRead } = await file.read(bytes, done, bytes.length - done, begin + done);
      if (bytesRead === 0) throw new CheckpointError(path, `truncated: it ends before byte ${end}`);
      done += bytesRead;
    }
    return bytes;
  }
}

async function withFile<T>(path: string, action: (file: FileHandle, size: number) => Promise<T>): Promise<T> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK); // a named pipe would block
    try {
      const stats = await file.stat();
      if (!stats.isFile()) throw new CheckpointError(path, 'cannot be read: it is not a file');
      return await action(file, stats.size);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof CheckpointError || cause instanceof ConfigError) throw cause;
    throw new CheckpointError(path, `is missing or cannot be read (${causeText(cause)})`, { cause });
  }
}

import { CheckpointError, ConfigError, quoted } from '@flowmap/core';
import { requireKnownOptions, type HostTensor, type HostTensors } from '@flowmap/tensor';
import { zipSync, type Zippable } from 'fflate';
import { FileFault } from '../archives/file-fault.js';
import { defaultMaxBytes } from '../archives/limits.js';
import { readZip, unpack, type ZipEntry } from '../archives/zip.js';
import { decodeNpy, encodeNpy } from './npy.js';

/** What to read of a file, and how much it may ask for. */
export interface NpzOptions {
  /** Names of the arrays to read; the others are not unpacked. All of them unless given. */
  readonly arrays?: readonly string[];
  /** The most bytes that these may take when unpacked; eight times the file's size plus 16 MiB unless given. */
  readonly maxBytes?: number;
}

/** NumPy dates its files to the earliest day that an archive can record, so that equal arrays give equal bytes. */
const DATE = new Date(1980, 0, 1);

/**
 * Reads the arrays of a `.npz` file of NumPy, compressed or not: float32 and float64 in either order of axes. Nothing
 * in it is executed; an array of Python objects is refused.
 *
 * @param bytes the whole file
 * @param source its name in error messages
 * @returns float32 tensors by name; the values of float64 are held in doubles
 * @throws {CheckpointError} for bytes that are not such a file, are cut off or damaged, lack one of `arrays`, hold
 *   another kind of array among those that are read, or need more than `maxBytes`, which its `limit` then names
 * @throws {ConfigError} for a `maxBytes` that is not a number >= 1
 */
export function decodeNpz(
  bytes: Uint8Array,
  source: string,
  options: NpzOptions = {},
): Readonly<Record<string, HostTensor>> {
  requireKnownOptions('decodeNpz', options, { arrays: true, maxBytes: true });
  const { arrays, maxBytes = defaultMaxBytes(bytes) } = options;
  if (!(maxBytes >= 1)) throw new ConfigError('decodeNpz.maxBytes', `wanted a number >= 1, got ${maxBytes}`);
  return reading(source, () => {
    const files = readZip(bytes);
    const entries = (arrays ?? namesIn(files)).map((name) => [name, fileOf(files, name)] as const);
    const total = entries.reduce((sum, [, { size }]) => sum + size, 0);
    if (total > maxBytes) {
      const fault = `its arrays have ${total} bytes when unpacked, the limit maxBytes is ${maxBytes}`;
      throw new FileFault(fault, 'maxBytes');
    }
    return Object.fromEntries(entries.map(([name, entry]) => [name, arrayOf(name, entry)]));
  });
}

/**
 * Names of the arrays in a `.npz` file, none of which is unpacked.
 *
 * @throws {CheckpointError} for bytes that are not such a file, or cut off
 */
export function npzNames(bytes: Uint8Array, source: string): string[] {
  return reading(source, () => namesIn(readZip(bytes)));
}

/**
 * Arrays as an uncompressed `.npz` file, for `numpy.load`: float64 for values held in doubles, float32 for others.
 *
 * @param arrays float32 tensors by name
 * @throws {DTypeError} for a tensor of another type
 */
export function encodeNpz(arrays: HostTensors): Uint8Array {
  const files = Object.entries(arrays).map(([name, tensor]) => [`${name}.npy`, encodeNpy(tensor)]);
  return zipSync(Object.fromEntries(files) as Zippable, { level: 0, mtime: DATE });
}

function reading<T>(source: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FileFault)) throw error;
    const { message, limit } = error;
    throw new CheckpointError(
      source,
      `no .npz file that can be read: ${message}`,
      limit === undefined ? {} : { limit },
    );
  }
}

function namesIn(files: ReadonlyMap<string, ZipEntry>): string[] {
  return [...files.keys()].map((name) => {
    if (!name.endsWith('.npy')) throw new FileFault(`the archive has ${quoted(name)}, which is no .npy file`);
    return name.slice(0, -'.npy'.length);
  });
}

function fileOf(files: ReadonlyMap<string, ZipEntry>, name: string): ZipEntry {
  const entry = files.get(`${name}.npy`);
  if (entry !== undefined) return entry;
  throw new FileFault(`the archive has no array ${quoted(name)}; it has ${quoted([...files.keys()].join(', '))}`);
}

function arrayOf(name: string, entry: ZipEntry): HostTensor {
  const bytes = unpack(entry, true);
  try {
    return decodeNpy(bytes);
  } catch (error) {
    if (!(error instanceof FileFault)) throw error;
    throw new FileFault(`the array ${quoted(name)}: ${error.message}`, error.limit);
  }
}

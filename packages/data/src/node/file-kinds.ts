import { close, open, read } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isThere, type FileStates } from './file-states.js';
import { FORMAT_BYTES, IMAGE_FORMATS, imageFormat, isNamedAsImage } from './image-format.js';
import { mapConcurrently } from './map-concurrently.js';
import { CONCURRENCY, type Scan } from './scan-folder.js';

/**
 * What each file of a scan is: 0 for one that is left out, 1 to 6 for an image in that one of the formats, 7 for a
 * bad file, which has an image's name but is not an image, or cannot be read.
 */
export type FileKinds = Uint8Array;

const LEFT_OUT = 0;
const BAD = IMAGE_FORMATS.length + 1;

/** Determines what each file of a scan is by reading its first bytes. */
export async function kindsOf(scan: Scan, states: FileStates, signal?: AbortSignal): Promise<FileKinds> {
  const kinds = new Uint8Array(scan.names.length);
  await mapConcurrently(scan.names, CONCURRENCY, async (name, i) => {
    signal?.throwIfAborted();
    kinds[i] = isThere(states, i) ? await kindOf(join(scan.folder, name)) : lost(name);
  });
  return kinds;
}

/** The format of a file that {@link FileKinds} marks as an image; undefined for a bad file. */
export function formatOfKind(kind: number): (typeof IMAGE_FORMATS)[number] | undefined {
  return IMAGE_FORMATS[kind - 1];
}

async function kindOf(path: string): Promise<number> {
  const bytes = await firstBytes(path).catch(() => undefined);
  if (!bytes) return BAD;
  const format = imageFormat(bytes);
  if (format) return 1 + IMAGE_FORMATS.indexOf(format);
  return isNamedAsImage(path) ? BAD : LEFT_OUT;
}

/** What a name without a file is: a link that leads nowhere, or a name that is not UTF-8 and so was not found. */
function lost(name: string): number {
  return name.includes('\ufffd') ? BAD : LEFT_OUT;
}

const [opened, readInto, closed] = [promisify(open), promisify(read), promisify(close)];

async function firstBytes(path: string): Promise<Uint8Array> {
  const file = await opened(path, 'r');
  try {
    const bytes = new Uint8Array(FORMAT_BYTES);
    const { bytesRead } = await readInto(file, bytes, 0, FORMAT_BYTES, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await closed(file);
  }
}

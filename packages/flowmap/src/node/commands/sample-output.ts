import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';

/** Where samples go. */
export interface SampleOutput {
  /** Takes the samples from index `first` on. */
  add(first: number, samples: Float32Array): Promise<void>;
  /** Writes the samples taken to the requested path, where there is nothing until then. */
  finish(): Promise<void>;
  /** Removes what is unfinished. */
  close(): Promise<void>;
}

/** What to expect. */
interface Coming {
  readonly count: number;
  /** Shape of one sample. */
  readonly shape: readonly number[];
}

/**
 * Prepares to write samples: as one picture of all for `.png`, as numbers for `.npz`, and for any other name as a
 * folder with a picture of each, `000000.png` and so on.
 *
 * @throws {ConfigError} for pictures of samples that are not images, for a folder that is not empty, and for another
 *   kind of file
 * @throws {ImageCodecUnavailableError} for pictures when the package `sharp` is not installed
 */
export async function openSampleOutput(out: string, coming: Coming): Promise<SampleOutput> {
  const { ConfigError } = await import('@flowmap/core');
  const kind = extname(out).toLowerCase();
  if (kind === '.npz') return intoNpz(out, coming);
  if (kind !== '' && kind !== '.png') {
    throw new ConfigError('--out', `wanted FILE.png, FILE.npz or a folder, got '${out}'`);
  }
  const { shape } = coming;
  if (shape.length !== 3 || (shape[0] !== 1 && shape[0] !== 3)) {
    throw new ConfigError('--out', `samples of [${shape.join(', ')}] are not images; give --out FILE.npz`);
  }
  const { encodeImageGrid } = await import('@flowmap/data/node');
  await encodeImageGrid({ images: [0], shape: [1, 1, 1] }); // fails early without the package for pictures
  return kind === '.png' ? intoPicture(out, coming) : intoFolder(out, coming);
}

function collecting({ count, shape }: Coming): { readonly all: Float32Array; readonly add: SampleOutput['add'] } {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const all = new Float32Array(count * size);
  return {
    all,
    add(first, samples) {
      all.set(samples, first * size);
      return Promise.resolve();
    },
  };
}

function intoPicture(out: string, coming: Coming): SampleOutput {
  const { all, add } = collecting(coming);
  return {
    add,
    async finish() {
      const { writeImageGrid } = await import('@flowmap/data/node');
      await writeImageGrid(out, { images: all, shape: coming.shape });
    },
    close: () => Promise.resolve(),
  };
}

function intoNpz(out: string, coming: Coming): SampleOutput {
  const { all, add } = collecting(coming);
  return {
    add,
    async finish() {
      const { encodeNpz } = await import('@flowmap/eval');
      const { hostTensor } = await import('@flowmap/tensor');
      const { writeFileAtomic } = await import('@flowmap/core/node');
      await writeFileAtomic(out, encodeNpz({ samples: hostTensor([coming.count, ...coming.shape], all) }));
    },
    close: () => Promise.resolve(),
  };
}

/** Pictures are collected in a folder beside the requested one, and it is renamed at the end. */
async function intoFolder(out: string, { shape }: Coming): Promise<SampleOutput> {
  const { ConfigError, WriteError, causeText } = await import('@flowmap/core');
  const { lockFolder } = await import('@flowmap/core/node');
  const { writeImageGrid } = await import('@flowmap/data/node');
  const there = await readdir(out).catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
    throw new WriteError(out, `cannot be used as a folder for pictures (${causeText(cause)})`, { cause });
  });
  if (there.length > 0) throw new ConfigError('--out', `the folder '${out}' is not empty; give a new one, or FILE.png`);
  const size = shape.reduce((product, extent) => product * extent, 1);
  const whole = resolve(out); // without a trailing slash
  await removeUnfinished(whole);
  const partial = `${whole}${PARTIAL}${process.pid}`;
  const lock = lockFolder(partial);
  return {
    async add(first, samples) {
      await Promise.all(
        Array.from({ length: samples.length / size }, (_, i) =>
          writeImageGrid(join(partial, `${String(first + i).padStart(6, '0')}.png`), {
            images: samples.subarray(i * size, (i + 1) * size),
            shape,
            gap: 0,
          }),
        ),
      );
    },
    async finish() {
      try {
        lock.release();
        await mkdir(whole, { recursive: true });
        await rmdir(whole);
        await rename(partial, whole);
      } catch (cause) {
        throw new WriteError(out, `cannot be written (${causeText(cause)})`, { cause });
      }
    },
    async close() {
      lock.release();
      await rm(partial, { recursive: true, force: true });
    },
  };
}

/** The part of a temporary folder's name between the final name and the process that fills it. */
const PARTIAL = '.partial-';

/** Removes what was left behind by processes that were killed while filling a folder. */
async function removeUnfinished(out: string): Promise<void> {
  const { FolderInUseError, WriteError } = await import('@flowmap/core');
  const { lockFolder } = await import('@flowmap/core/node');
  const names = await readdir(dirname(out)).catch(() => []);
  for (const name of names.filter((other) => other.startsWith(`${basename(out)}${PARTIAL}`))) {
    const left = join(dirname(out), name);
    if (!existsSync(join(left, 'lock'))) continue;
    try {
      lockFolder(left).release();
      await rm(left, { recursive: true, force: true });
    } catch (error) {
      if (!(error instanceof FolderInUseError || error instanceof WriteError)) throw error;
    }
  }
}

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DataError, requireKnownOptions } from '@flowmap/core';
import { checkClasses, checkPath } from '../internal/checks.js';
import { decodeImage, DECODERS, type DecodedImage } from './decode-images.js';
import type { BadImage, ImageSize } from './errors.js';
import type { FileCounts } from './file-counts.js';
import { kindsOf, type FileKinds } from './file-kinds.js';
import { statesOf } from './file-states.js';
import { MAX_PIXELS, requireLimit } from './limits.js';
import { formatsOf, listImages, type FormatCounts, type ImageListing } from './list-images.js';
import { mapConcurrently } from './map-concurrently.js';
import { scanFolder, type Scan } from './scan-folder.js';
import { loadSharp } from './sharp.js';

/** Options of {@link inspectImageFolder}. */
export interface InspectOptions {
  /** Sub-folders to read, as for `imageFolder`. */
  readonly classes?: readonly string[];
  /** The most pixels in an image; 2^26 unless given. */
  readonly maxPixels?: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** A size that some of the images have. */
export interface SizeCount {
  readonly size: ImageSize;
  readonly count: number;
  /** The first image that has it. */
  readonly first: string;
}

/** What a folder of images holds. Paths are relative to the folder. */
export interface ImageFolderReport {
  /** Images that can be read. */
  readonly images: number;
  readonly formats: FormatCounts;
  /** Sizes of the images, unscaled, the most frequent first. */
  readonly sizes: readonly SizeCount[];
  /** Readable images of each class. */
  readonly classes: Readonly<Record<string, number>>;
  /** Groups of images with equal size and pixels, each sorted by path. */
  readonly duplicates: readonly (readonly string[])[];
  /** Mean, standard deviation and range of all values, scaled to [-1, 1], as colours on white; NaN without images. */
  readonly mean: number;
  readonly deviation: number;
  readonly min: number;
  readonly max: number;
  /** Images that cannot be read. */
  readonly bad: readonly BadImage[];
  readonly leftOut: FileCounts;
  readonly leftOutNames: readonly string[];
  /** Why `imageFolder` refuses the folder as a whole; the report then covers all images in it. */
  readonly refusal: string | undefined;
}

/**
 * Inspects a folder of images as `imageFolder` reads it: decodes all of them in their own size, and keeps none.
 *
 * @throws {DataError} when the folder is missing
 * @throws {ConfigError} for an unknown option, or an option out of range
 * @throws {ImageCodecUnavailableError} when the package `sharp` is not installed
 */
export async function inspectImageFolder(folder: string, options: InspectOptions = {}): Promise<ImageFolderReport> {
  checkPath('inspectImageFolder.folder', folder);
  requireKnownOptions('inspectImageFolder', options, {
    classes: true,
    maxPixels: true,
    onProgress: true,
    signal: true,
  });
  const { classes, maxPixels = MAX_PIXELS, onProgress, signal } = options;
  requireLimit('inspectImageFolder.maxPixels', maxPixels);
  checkClasses('inspectImageFolder', classes);
  const scan = await scanFolder(folder, classes);
  const kinds = await kindsOf(scan, await statesOf(scan), signal);
  const { listing, refusal } = listed(scan, kinds, classes);
  const names = Array.from(listing.images, (image) => scan.names[image]!);
  const sharp = await loadSharp();
  const tally = tallyOf(names);
  const bad: BadImage[] = [];
  const decoding = { size: undefined, crop: 'centre', channels: 3, background: [255, 255, 255], maxPixels } as const;
  let done = 0;
  await mapConcurrently(names, DECODERS, async (name, index) => {
    signal?.throwIfAborted();
    const path = join(folder, name);
    try {
      tally.add(index, await decodeImage(sharp, path, decoding));
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      bad.push({ index, path, fault: error.message.slice(new DataError(path, '').message.length), error });
    }
    onProgress?.(++done, names.length);
  });
  bad.sort((a, b) => a.index - b.index);
  const gone = new Set(bad.map(({ index }) => index));
  const isGood = (_: number, i: number): boolean => !gone.has(i);
  const perClass = listing.classes.map((name): [string, number] => [name, 0]);
  for (const label of listing.labels.filter(isGood)) if (perClass[label]) perClass[label][1]++;
  return {
    images: names.length - bad.length,
    formats: formatsOf(listing.images.filter(isGood), kinds),
    classes: Object.fromEntries(perClass),
    ...tally.report(),
    bad,
    leftOut: listing.leftOut,
    leftOutNames: listing.leftOutNames,
    refusal,
  };
}

/** The images that `imageFolder` would read, or all of them with the reason why it would not. */
function listed(
  scan: Scan,
  kinds: FileKinds,
  classes: readonly string[] | undefined,
): { readonly listing: ImageListing; readonly refusal: string | undefined } {
  try {
    return { listing: listImages(scan, kinds, classes), refusal: undefined };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    const whole = { ...scan, groups: [{ name: '', start: 0, end: scan.names.length }] };
    if (!kinds.some((kind) => kind !== 0)) throw error;
    return { listing: listImages(whole, kinds, []), refusal: error.message };
  }
}

interface Tally {
  add(index: number, image: DecodedImage): void;
  report(): Pick<ImageFolderReport, 'sizes' | 'duplicates' | 'mean' | 'deviation' | 'min' | 'max'>;
}

/** Collects sizes, equal images and values. */
function tallyOf(names: readonly string[]): Tally {
  const bytes = new Float64Array(256); // how often each occurs
  const sizes = new Map<string, { readonly size: ImageSize; count: number; first: number }>();
  const equal = new Map<string, number[]>();
  return {
    add(index, { interleaved, size }) {
      for (const byte of interleaved) bytes[byte]!++;
      const known = sizes.get(size.join());
      if (known) Object.assign(known, { count: known.count + 1, first: Math.min(known.first, index) });
      else sizes.set(size.join(), { size, count: 1, first: index });
      const digest = createHash('sha256').update(size.join()).update(interleaved).digest('base64').slice(0, 22);
      equal.set(digest, [...(equal.get(digest) ?? []), index]);
    },
    report: () => ({
      sizes: [...sizes.values()]
        .sort((a, b) => b.count - a.count || a.first - b.first)
        .map(({ size, count, first }) => ({ size, count, first: names[first]! })),
      duplicates: [...equal.values()]
        .filter(({ length }) => length > 1)
        .map((group) => group.sort((a, b) => a - b))
        .sort(([a], [b]) => a! - b!)
        .map((group) => group.map((index) => names[index]!)),
      ...momentsOf(bytes),
    }),
  };
}

/** Mean, deviation and range of values, given how often each byte occurs. */
function momentsOf(bytes: Float64Array): { mean: number; deviation: number; min: number; max: number } {
  const value = (byte: number): number => byte / 127.5 - 1;
  const total = bytes.reduce((sum, count) => sum + count, 0);
  const mean = bytes.reduce((sum, count, byte) => sum + count * value(byte), 0) / total;
  const variance = bytes.reduce((sum, count, byte) => sum + count * (value(byte) - mean) ** 2, 0) / total;
  const there = [...bytes.keys()].filter((byte) => bytes[byte]! > 0);
  return {
    mean,
    deviation: Math.sqrt(variance),
    min: there.length > 0 ? value(there[0]!) : NaN,
    max: there.length > 0 ? value(there.at(-1)!) : NaN,
  };
}

import { DataError, FlowmapError } from '@flowmap/core';

/** Height and width in pixels. */
export type ImageSize = readonly [height: number, width: number];

/** An image differs in size from those before it, in a folder read without a target size. */
export class ImageSizeError extends DataError {
  constructor(
    /** The offending image. */
    path: string,
    readonly size: ImageSize,
    /** The image that set the size. */
    readonly firstPath: string,
    readonly firstSize: ImageSize,
  ) {
    super(
      path,
      `is ${inPixels(size)}, but ${firstPath} is ${inPixels(firstSize)}: ` +
        `give the size that all images shall have, imageFolder(…, { size: [height, width] }) or --size`,
    );
  }
}

/** An image that cannot be read. */
export interface BadImage {
  /** Its index among the images of the folder. */
  readonly index: number;
  readonly path: string;
  /** The reason. */
  readonly fault: string;
  /** The reason with the path, as it was thrown. */
  readonly error: DataError;
}

/** Maximum length of the part of a message that names bad images. */
const LONGEST = 1500;

/** Images of a folder cannot be read: `bad` lists all of them, the message as many as fit. */
export class BadImagesError extends DataError {
  constructor(
    folder: string,
    readonly bad: readonly BadImage[],
  ) {
    const [{ path, fault, error }] = bad as readonly [BadImage];
    const single = bad.length === 1;
    const which = single ? 'it' : 'them';
    const advice = `remove or replace ${which}, or leave ${which} out with onBad: 'skip' or --on-bad skip`;
    super(
      single ? path : folder,
      single ? `${fault}; ${advice}` : `has ${bad.length} images that cannot be read (${advice}): ${listed(bad)}`,
      single ? { cause: error.cause, ...(error.limit === undefined ? {} : { limit: error.limit }) } : {},
    );
  }
}

function listed(bad: readonly BadImage[]): string {
  let text = '';
  for (const [i, { error }] of bad.entries()) {
    const next = `${i === 0 ? '' : '; '}${error.message}`;
    if (i > 0 && text.length + next.length > LONGEST) return `${text}; and ${bad.length - i} more`;
    text += next;
  }
  return text;
}

/** The package that decodes and writes images is not installed or does not load on this machine. */
export class ImageCodecUnavailableError extends FlowmapError {
  constructor(
    /** The npm package that is missing. */
    readonly packageName: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

function inPixels([height, width]: ImageSize): string {
  return `${height} pixels high and ${width} wide`;
}

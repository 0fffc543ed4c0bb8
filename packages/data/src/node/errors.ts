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

import { ImageCodecUnavailableError } from './errors.js';

/** The function that sharp exports. */
export type Sharp = typeof import('sharp').default;

/**
 * Loads sharp, which decodes and writes images.
 *
 * @throws {ImageCodecUnavailableError} when the package is not installed or its native library does not load
 */
export async function loadSharp(): Promise<Sharp> {
  try {
    return (await import('sharp')).default;
  } catch (cause) {
    const advice = 'sharp, which decodes and writes images, could not be loaded. Install it with `npm install sharp`';
    throw new ImageCodecUnavailableError('sharp', `${advice} (${String(cause)})`, { cause });
  }
}

/** Supported image formats. */
export type ImageFormat = 'png' | 'jpeg' | 'webp';

/** The format according to the first bytes of a file, whatever its name; undefined if it is not supported. */
export function imageFormat(bytes: Uint8Array): ImageFormat | undefined {
  const text = String.fromCharCode(...bytes.subarray(0, 12));
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (text.startsWith('\xff\xd8\xff')) return 'jpeg';
  return text.startsWith('RIFF') && text.slice(8) === 'WEBP' ? 'webp' : undefined;
}

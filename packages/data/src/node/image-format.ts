/** A raster format that can be read. */
export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'gif' | 'tiff' | 'avif';

/** The formats that can be read, in the order in which messages name them. */
export const IMAGE_FORMATS: readonly ImageFormat[] = ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'];

/** The formats in words. */
export const FORMATS_IN_WORDS = 'PNG, JPEG, WebP, GIF, TIFF or AVIF';

/** Number of first bytes of a file that determine its format. */
export const FORMAT_BYTES = 64;

/** File extensions of the formats. */
const ENDINGS = /\.(a?png|jpe?g|jpe|jfif|webp|gif|tiff?|avif)$/i;

/** Whether a file has the name of an image in one of the formats. */
export function isNamedAsImage(name: string): boolean {
  return ENDINGS.test(name);
}

/** The format according to the first bytes of a file, whatever its name; undefined if it cannot be read. */
export function imageFormat(bytes: Uint8Array): ImageFormat | undefined {
  const text = String.fromCharCode(...bytes.subarray(0, FORMAT_BYTES));
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (text.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'webp';
  if (text.startsWith('GIF87a') || text.startsWith('GIF89a')) return 'gif';
  if (/^(II[*+]\0|MM\0[*+])/.test(text)) return 'tiff';
  return text.slice(4, 8) === 'ftyp' && isAvif(text) ? 'avif' : undefined;
}

/** Whether the brands of an ISO media file, the main one at byte 8 and the others from byte 16 on, include AVIF's. */
function isAvif(text: string): boolean {
  const length = text
    .slice(0, 4)
    .split('')
    .reduce((sum, byte) => 256 * sum + byte.charCodeAt(0), 0);
  for (let at = 8; at + 4 <= Math.min(length, text.length); at += at === 8 ? 8 : 4) {
    if (/^avi[fs]$/.test(text.slice(at, at + 4))) return true;
  }
  return false;
}

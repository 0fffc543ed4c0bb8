import type { Shape } from '@flowmap/tensor';

/** Key of a file's checksums in its metadata. */
export const CHECKSUMS = 'flowmap.crc32';

/** What the checksums of a file cover: its tensors and its other metadata, however they are laid out. */
export interface Sealed {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly {
    readonly name: string;
    /** Name of its type in the file. */
    readonly type: string;
    readonly shape: Shape;
    /** CRC-32 of its bytes. */
    readonly crc: string;
  }[];
}

/**
 * The text that is stored as checksums: the CRC-32 of the description, which includes those of the tensors, then that
 * of each tensor, in the order of their names.
 */
export function checksumText({ metadata, tensors }: Sealed): string {
  const texts = Object.entries(metadata).filter(([key]) => key !== CHECKSUMS);
  const ordered = [...tensors].sort((a, b) => order(a.name, b.name));
  const described = ordered.map(({ name, type, shape, crc }) => [name, type, shape, crc]);
  const content = JSON.stringify([texts.sort(([a], [b]) => order(a, b)), described]);
  return [crc32(new TextEncoder().encode(content)), ...ordered.map(({ crc }) => crc)].join(' ');
}

/** The CRC-32 of each tensor in such a text, by name; undefined if the text does not list as many. */
export function checksumsIn(text: string, names: readonly string[]): ReadonlyMap<string, string> | undefined {
  const [, ...sums] = text.split(' ');
  if (sums.length !== names.length) return undefined;
  return new Map([...names].sort(order).map((name, i) => [name, sums[i]!]));
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

/** CRC-32 (ISO 3309, as in zip and PNG) in eight hexadecimal digits; a change of up to 32 bits in a row is noticed. */
export function crc32(bytes: Uint8Array): string {
  let rest = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) rest = TABLE[(rest ^ bytes[i]!) & 0xff]! ^ (rest >>> 8);
  return ((rest ^ 0xffffffff) >>> 0).toString(16).padStart(8, '0');
}

/** Orders by UTF-16 code units, the same everywhere. */
export function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

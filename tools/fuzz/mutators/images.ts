import { crc32, deflateSync } from 'node:zlib';
import type { Random } from '../random.js';
import { changed, mutateBytes, setWord, spliced } from './bytes.js';
import { edges, MAX_LENGTH, type Mutator } from './mutator.js';

/**
 * Changes in the chunks of a PNG, the segments of a JPEG or the chunks of a WebP, with checksums and lengths corrected.
 */
export const mutateImage: Mutator = (bytes, random, other) => {
  if (random.once(64)) return Buffer.from(random.pick(impostors));
  if (random.once(8)) return mutateBytes(bytes, random, other);
  if (bytes[0] === 0x89) return joinedPng(mutateParts(chunksOfPng(bytes), random, pngHeader));
  if (bytes[0] === 0xff) return joinedJpeg(mutateParts(segmentsOfJpeg(bytes), random, jpegFrame));
  return bytes[0] === 0x52
    ? joinedWebp(mutateParts(chunksOfWebp(bytes), random, anyWord))
    : mutateBytes(bytes, random, other);
};

/** A chunk or segment: its type, and what it holds. */
interface Part {
  readonly type: string;
  readonly data: Uint8Array;
}

type PartChange = (part: Part, random: Random) => Part;

const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/hostname"/></svg>';
const impostors = [
  svg,
  `<?xml version="1.0"?>${svg}`,
  'GIF89a\u0001\0\u0001\0\0\0\0;',
  'II*\0\b\0\0\0\0\0',
  '%PDF-1.4',
  'P6 9 9 255 ',
];

function mutateParts(parts: Part[], random: Random, change: PartChange): Part[] {
  if (parts.length === 0) return parts;
  const at = random.below(parts.length);
  const part = parts[at]!;
  switch (random.below(6)) {
    case 0:
      return parts.toSpliced(at, 1);
    case 1:
      return parts.toSpliced(random.below(parts.length), 0, part);
    case 2:
      return parts.with(at, { ...part, data: mutateBytes(part.data, random, parts[random.below(parts.length)]!.data) });
    case 3:
      return parts.toSpliced(at, 0, random.pick(extras));
    default:
      return parts.map((each) => change(each, random));
  }
}

const text = 'x\u0000'.repeat(100);
const extras: readonly Part[] = [
  { type: 'tEXt', data: Buffer.from(`Comment\0${text}`) },
  { type: 'iCCP', data: Buffer.concat([Buffer.from('name\0\0'), deflateSync(new Uint8Array(2 ** 20))]) },
  { type: 'zTXt', data: Buffer.concat([Buffer.from('name\0\0'), deflateSync(new Uint8Array(2 ** 22))]) },
  {
    type: 'eXIf',
    data: Buffer.from('MM\0*\0\0\0\b\0\u0001\u0001\u0012\0\u0003\0\0\0\u0001\0\u0006\0\0\0\0\0\0', 'latin1'),
  },
  {
    type: 'EXIF',
    data: Buffer.from('II*\0\b\0\0\0\u0001\0\u0012\u0001\u0003\0\u0001\0\0\0\u0008\0\0\0\0\0\0\0', 'latin1'),
  },
  { type: 'acTL', data: new Uint8Array(8).fill(1) },
  { type: 'ANIM', data: new Uint8Array(6) },
  { type: 'VP8X', data: Uint8Array.of(0x3e, 0, 0, 0, 0xff, 0xff, 0, 0xff, 0xff, 0) },
  { type: '\xe1', data: Buffer.from(`Exif\0\0II*\0\b\0\0\0${text}`) },
  { type: '\xe2', data: Buffer.from(`ICC_PROFILE\0\u0001\u0001${text}`) },
  { type: '\xfe', data: Buffer.from(text) },
];

/** Sides with which a picture is large, odd or empty. */
const sides = [...edges.filter((edge) => edge < 2 ** 31), 8192, 8193, 16_383];

const pngHeader: PartChange = (part, random) => {
  if (part.type !== 'IHDR' || part.data.length < 13) return part;
  return {
    ...part,
    data: changed(part.data, (copy) => {
      const view = new DataView(copy.buffer);
      if (random.once(2)) view.setUint32(4 * random.below(2), random.pick(sides));
      else copy[8 + random.below(5)] = random.pick([0, 1, 2, 3, 4, 6, 8, 16, 255]);
    }),
  };
};

const jpegFrame: PartChange = (part, random) => {
  const isFrame = /^[\xc0-\xc3\xda]/.test(part.type);
  if (!isFrame && !random.once(6)) return part;
  return { ...part, data: changed(part.data, (copy) => setWord(copy, random.below(8), random)) };
};

const anyWord: PartChange = (part, random) =>
  random.once(2) ? part : { ...part, data: changed(part.data, (copy) => setWord(copy, random.below(12), random)) };

const PNG_START = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

function chunksOfPng(bytes: Uint8Array): Part[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Part[] = [];
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = Math.min(view.getUint32(at), bytes.length - at - 12);
    parts.push({ type: latin1(bytes.subarray(at + 4, at + 8)), data: bytes.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return parts;
}

function joinedPng(parts: readonly Part[]): Uint8Array {
  const chunks = parts.flatMap(({ type, data }) => {
    const name = Buffer.from(type.padEnd(4).slice(0, 4), 'latin1');
    return [word(data.length, false), name, data, word(crc32(data, crc32(name)), false)];
  });
  return cut(Buffer.concat([PNG_START, ...chunks]));
}

/** Segments up to the scan, which includes its data. */
function segmentsOfJpeg(bytes: Uint8Array): Part[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Part[] = [];
  for (let at = 2; at + 4 <= bytes.length;) {
    const type = latin1(bytes.subarray(at + 1, at + 2));
    const end = type === '\xda' ? bytes.length : Math.min(bytes.length, at + 2 + Math.max(2, view.getUint16(at + 2)));
    parts.push({ type, data: bytes.subarray(at + 4, end) });
    at = end;
  }
  return parts;
}

function joinedJpeg(parts: readonly Part[]): Uint8Array {
  const segments = parts.flatMap(({ type, data }) => {
    // The length of a scan is that of its header: 6 bytes, and 2 for each component.
    const length = type === '\xda' ? 6 + 2 * (data[0] ?? 0) : Math.min(65_535, 2 + data.length);
    return [Uint8Array.of(0xff, type.charCodeAt(0), length >> 8, length & 0xff), data];
  });
  return cut(Buffer.concat([Uint8Array.of(0xff, 0xd8), ...segments]));
}

function chunksOfWebp(bytes: Uint8Array): Part[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Part[] = [];
  for (let at = 12; at + 8 <= bytes.length;) {
    const length = Math.min(view.getUint32(at + 4, true), bytes.length - at - 8);
    parts.push({ type: latin1(bytes.subarray(at, at + 4)), data: bytes.subarray(at + 8, at + 8 + length) });
    at += 8 + length + (length % 2);
  }
  return parts;
}

function joinedWebp(parts: readonly Part[]): Uint8Array {
  const chunks = parts.flatMap(({ type, data }) => [
    Buffer.from(type.padEnd(4).slice(0, 4), 'latin1'),
    word(data.length, true),
    data,
    new Uint8Array(data.length % 2),
  ]);
  const body = Buffer.concat([Buffer.from('WEBP'), ...chunks]);
  return cut(Buffer.concat([Buffer.from('RIFF'), word(body.length, true), body]));
}

function word(value: number, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, littleEndian);
  return bytes;
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

const cut = (bytes: Buffer): Uint8Array => spliced(bytes.subarray(0, MAX_LENGTH), 0, 0, new Uint8Array());

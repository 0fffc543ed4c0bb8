import { quoted } from '@flowmap/tensor';
import type { HostTensor } from '@flowmap/tensor';
import { CheckpointError } from '../errors.js';
import { isRecord, parseJson } from '../internal/json.js';
import { withDefaults, type ReadLimits, type ReadOptions } from '../limits.js';
import { CHECKSUMS, checksumsIn, checksumText, crc32 } from './checksums.js';
import { storedTypes, type StoredType } from './dtypes.js';
import { METADATA } from './encode.js';

/** Maximum number of axes of a tensor. */
export const MAX_RANK = 32;

/** The content of a safetensors file. */
export interface Safetensors {
  readonly tensors: Readonly<Record<string, HostTensor>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A tensor in a file. */
export interface Entry {
  readonly name: string;
  /** Name of its type. */
  readonly dtype: string;
  readonly type: StoredType;
  readonly shape: readonly number[];
  /** Its first byte, counted from the end of the header. */
  readonly begin: number;
  /** The byte after its last. */
  readonly end: number;
}

/** What a safetensors file's header says about its tensors, and its metadata. */
export interface SafetensorsHeader {
  readonly entries: readonly Entry[];
  readonly metadata: Readonly<Record<string, string>>;
  /** CRC-32 of its tensors by name, where it has checksums that are to be compared. */
  readonly checksums: ReadonlyMap<string, string> | undefined;
}

/**
 * Reads a safetensors file, trusting nothing in it: lengths, JSON, names of types, shapes and offsets are checked
 * before any value is touched, no name may occur twice, and the tensors must fill the file exactly, without holes or
 * overlaps. Checksums are compared if the file has them.
 *
 * @param bytes the whole file; the tensors are copies
 * @param source its name in error messages
 * @param options how large and how deeply nested the header may be, how many tensors it may list, and whether checksums
 *   are compared
 * @returns F32 as float32, F64 as float32 held in doubles, F16 as float16, BF16 as bfloat16, I64, I32 and U8 as int32,
 *   BOOL as bool
 * @throws {CheckpointError} naming the source, and the tensor at fault, for bytes that are not such a file, are cut
 *   off, have extra bytes at the end, do not match their checksums, or hold an empty tensor or a type other than these;
 *   its `limit` names the limit that a file exceeds, if any
 * @throws {ConfigError} for a limit that is not a number >= 1
 */
export function decodeSafetensors(bytes: Uint8Array, source: string, options: ReadOptions = {}): Safetensors {
  const start = headerEnd(bytes, bytes.length, source, options);
  const { entries, metadata, checksums } = decodeHeader(
    bytes.subarray(LENGTH, start),
    bytes.length - start,
    source,
    options,
  );
  const tensors = entries.map((entry) => {
    const copy = new Uint8Array(entry.end - entry.begin);
    copy.set(bytes.subarray(start + entry.begin, start + entry.end));
    return [entry.name, decodeTensor(entry, copy, source, checksums)] as const;
  });
  return { tensors: Object.fromEntries(tensors), metadata };
}

/** Size in bytes of the header's length, with which a file begins. */
export const LENGTH = 8;

/**
 * Where a file's header ends and the values begin.
 *
 * @param first the first bytes of the file, at least {@link LENGTH} of them if it has as many
 * @param size bytes of the file
 * @throws {CheckpointError} when the file is too short, or the header exceeds its limit
 */
export function headerEnd(first: Uint8Array, size: number, source: string, limits: ReadLimits): number {
  const { maxHeaderBytes } = withDefaults(limits);
  if (size < LENGTH) {
    throw new CheckpointError(source, `truncated: wanted a safetensors file, got ${size} bytes`);
  }
  const length = new DataView(first.buffer, first.byteOffset, first.byteLength).getBigUint64(0, true);
  if (length > maxHeaderBytes) {
    const fault = `a header of ${length} bytes, the limit maxHeaderBytes is ${maxHeaderBytes}`;
    throw new CheckpointError(source, `no safetensors file, or corrupt: ${fault}`, { limit: 'maxHeaderBytes' });
  }
  const end = LENGTH + Number(length);
  if (end > size) {
    throw new CheckpointError(source, `truncated: the header ends at byte ${end}, the file has ${size} bytes`);
  }
  return end;
}

/**
 * Reads a header and checks that its tensors fill the bytes of the values.
 *
 * @param json the header
 * @param length bytes of values after it
 * @throws {CheckpointError} as {@link decodeSafetensors}
 */
export function decodeHeader(
  json: Uint8Array,
  length: number,
  source: string,
  options: ReadOptions,
): SafetensorsHeader {
  const { maxTensors, maxNesting } = withDefaults(options);
  const parsed = parseJson(json, maxNesting);
  if ('fault' in parsed) {
    const { fault, limit } = parsed;
    throw new CheckpointError(source, `no safetensors file, or corrupt: the header ${fault}`, limit && { limit });
  }
  if (!isRecord(parsed.value)) {
    throw new CheckpointError(source, 'no safetensors file, or corrupt: the header is not a JSON object');
  }
  requireFew('tensors', parsed.value, maxTensors, source);
  const { [METADATA]: metadata = {}, ...infos } = parsed.value;
  if (isRecord(metadata)) requireFew('texts in its metadata', metadata, maxTensors, source);
  const entries = Object.entries(infos).map(([name, info]) => readEntry(name, info, source));
  checkLayout(entries, length, source);
  const { [CHECKSUMS]: sums, ...texts } = readMetadata(metadata, source);
  const checksums =
    sums === undefined || options.verify === false ? undefined : readChecksums(sums, texts, entries, source);
  return { entries, metadata: texts, checksums };
}

/** The checksums of the tensors in a file, whose description must match its own checksum. */
function readChecksums(
  text: string,
  metadata: Readonly<Record<string, string>>,
  entries: readonly Entry[],
  source: string,
): ReadonlyMap<string, string> {
  const sums = checksumsIn(
    text,
    entries.map(({ name }) => name),
  );
  const tensors = entries.map(({ name, dtype, shape }) => ({ name, type: dtype, shape, crc: sums?.get(name) ?? '' }));
  if (sums !== undefined && checksumText({ metadata, tensors }) === text) return sums;
  throw new CheckpointError(source, `is damaged: the checksum of its header does not fit`);
}

/**
 * A tensor from its stored bytes.
 *
 * @param bytes those that its entry names, in a buffer of their own
 * @param checksums the file's checksums, if they are to be compared
 * @throws {CheckpointError} for bytes that do not match their checksum, or for a value that its type does not
 *   allow
 */
export function decodeTensor(
  { name, type, shape }: Entry,
  bytes: Uint8Array<ArrayBuffer>,
  source: string,
  checksums: SafetensorsHeader['checksums'],
): HostTensor {
  if (checksums !== undefined && crc32(bytes) !== checksums.get(name)) {
    throw tensorError(source, name, 'is damaged: its checksum does not fit');
  }
  const tensor = type.decode(shape, bytes);
  if (tensor) return tensor;
  const fault = type.width === 1 ? 'a boolean is neither 0 nor 1' : 'a whole number does not fit 32 bits';
  throw tensorError(source, name, fault);
}

function requireFew(things: string, entries: Record<string, unknown>, most: number, source: string): void {
  const count = Object.keys(entries).filter((key) => key !== METADATA).length;
  if (count > most) {
    throw new CheckpointError(source, `${count} ${things}, the limit maxTensors is ${most}`, { limit: 'maxTensors' });
  }
}

function readEntry(name: string, info: unknown, source: string): Entry {
  const fail = (message: string): CheckpointError => tensorError(source, name, message);
  if (!isRecord(info)) throw fail('is not described by a JSON object');
  const { dtype, shape, data_offsets: offsets } = info;

  const type = typeof dtype === 'string' ? storedTypes.get(dtype) : undefined;
  if (!type) {
    throw fail(`has the type ${quoted(dtype)}; supported are ${[...storedTypes.keys()].join(', ')}`);
  }
  if (!isCounts(shape, 1) || shape.length > MAX_RANK) {
    throw fail(`has a shape that is not a list of at most ${MAX_RANK} whole numbers >= 1`);
  }
  if (!isCounts(offsets, 0) || offsets.length !== 2) throw fail('has data_offsets that are not two whole numbers');
  const [begin, end] = offsets as [number, number];
  const size = shape.reduce((product, extent) => product * extent, type.width);
  if (end - begin !== size) {
    throw fail(`takes ${size} bytes as ${String(dtype)} [${shape.join(', ')}], its data_offsets give ${end - begin}`);
  }
  return { name, dtype: String(dtype), type, shape, begin, end };
}

/** The tensors must follow each other from the first byte to the last. */
function checkLayout(entries: readonly Entry[], length: number, source: string): void {
  let filled = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    const place = `is at bytes ${begin} to ${end} of the data`;
    if (begin !== filled) {
      const fault = begin < filled ? 'overlaps the tensor before it' : 'leaves a hole before it';
      throw tensorError(source, name, `${place} and ${fault}, which ends at ${filled}`);
    }
    if (end > length) throw tensorError(source, name, `truncated: ${place}, the file has ${length} bytes of them`);
    filled = end;
  }
  if (filled !== length) {
    throw new CheckpointError(source, `corrupt: ${length - filled} bytes after the last tensor`);
  }
}

function readMetadata(metadata: unknown, source: string): Record<string, string> {
  if (!isRecord(metadata)) throw new CheckpointError(source, `${METADATA} is not a JSON object`);
  const texts = Object.entries(metadata).map(([key, value]): [string, string] => {
    if (typeof value !== 'string') throw new CheckpointError(source, `${METADATA}, ${quoted(key)}: wanted text`);
    return [key, value];
  });
  return Object.fromEntries(texts);
}

function isCounts(value: unknown, least: number): value is number[] {
  return Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= least);
}

function tensorError(source: string, tensor: string, message: string): CheckpointError {
  return new CheckpointError(source, `tensor ${quoted(tensor)} ${message}`, { tensor });
}

// Event files of TensorBoard: records of a length, its checksum, an event and its checksum (TensorFlow's `record_writer.h`),
// where an event is a protocol buffer (`event.proto`, `summary.proto`), of which these fields are written:
//
//     Event       1 wall_time: double, 2 step: int64, 3 file_version: string, 5 summary: Summary, 7 session_log: SessionLog
//     Summary     1 value: repeated Value
//     Value       1 tag: string, 2 simple_value: float
//     SessionLog  1 status: START = 1

/** Scalars of a step. */
export interface ScalarEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  /** What was measured, by name; stored in single precision. */
  readonly scalars: Readonly<Record<string, number>>;
}

/**
 * The events that a file begins with: its version, and the start of a run at this step, so that readers drop what they
 * have of this and later steps.
 */
export function firstEvents(wallTime: number, step: number): Uint8Array {
  const version = record(message(double(1, wallTime), text(3, 'brain.Event:2')));
  return joined([version, record(message(double(1, wallTime), varint(2, step), bytes(7, varint(1, 1))))]);
}

/** An event with scalars as a record. */
export function scalarEvent({ wallTime, step, scalars }: ScalarEvent): Uint8Array {
  const values = Object.entries(scalars).map(([tag, value]) => bytes(1, message(text(1, tag), float(2, value))));
  return record(message(double(1, wallTime), varint(2, step), bytes(5, joined(values))));
}

/**
 * How many bytes of a file to keep so that it ends with the last event up to a step; what follows a record that is
 * damaged or incomplete is not kept.
 */
export function lengthUntil(file: Uint8Array, step: number): number {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  for (let start = 0; ;) {
    if (start + 16 > file.length) return start;
    const size = view.getUint32(start, true);
    const end = start + 16 + size;
    if (view.getUint32(start + 4, true) !== 0 || end > file.length) return start;
    const event = file.subarray(start + 12, end - 4);
    if (view.getUint32(start + 8, true) !== maskedChecksum(file.subarray(start, start + 8))) return start;
    if (view.getUint32(end - 4, true) !== maskedChecksum(event)) return start;
    if (stepOf(event) > step) return start;
    start = end;
  }
}

/** The step of an event; 0 if it has none. Ours begin with the wall time and the step. */
function stepOf(event: Uint8Array): number {
  if (event[0] !== 0x09 || event[9] !== 0x10) return 0;
  let step = 0;
  for (let i = 10, scale = 1; i < event.length; i++, scale *= 128) {
    step += (event[i]! & 127) * scale;
    if (event[i]! < 128) break;
  }
  return step;
}

function record(event: Uint8Array): Uint8Array {
  const length = words(event.length, 0);
  return joined([length, words(maskedChecksum(length)), event, words(maskedChecksum(event))]);
}

/** Fields one after another. */
const message = (...fields: readonly Uint8Array[]): Uint8Array => joined(fields);

function varint(field: number, value: number): Uint8Array {
  return Uint8Array.of(field << 3, ...varintOf(value));
}

function double(field: number, value: number): Uint8Array {
  return joined([Uint8Array.of((field << 3) | 1), littleEndian(8, (view) => view.setFloat64(0, value, true))]);
}

function float(field: number, value: number): Uint8Array {
  return joined([Uint8Array.of((field << 3) | 5), littleEndian(4, (view) => view.setFloat32(0, value, true))]);
}

function text(field: number, value: string): Uint8Array {
  return bytes(field, new TextEncoder().encode(value));
}

function bytes(field: number, value: Uint8Array): Uint8Array {
  return joined([Uint8Array.of((field << 3) | 2, ...varintOf(value.length)), value]);
}

/** Seven bits to a byte, the lowest first; works for steps beyond 32 bits too. */
function varintOf(value: number): number[] {
  const digits: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...digits, rest];
    digits.push((rest % 128) | 128);
  }
}

function words(...values: readonly number[]): Uint8Array {
  return littleEndian(4 * values.length, (view) => values.forEach((value, i) => view.setUint32(4 * i, value, true)));
}

function littleEndian(size: number, write: (view: DataView) => void): Uint8Array {
  const content = new Uint8Array(size);
  write(new DataView(content.buffer));
  return content;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const content = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let start = 0;
  for (const part of parts) {
    content.set(part, start);
    start += part.length;
  }
  return content;
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

/** CRC-32C, rotated and shifted so that checksums of data that contain checksums stay reliable. */
export function maskedChecksum(content: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of content) sum = (sum >>> 8) ^ table[(sum ^ byte) & 255]!;
  sum = ~sum >>> 0;
  return (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0;
}

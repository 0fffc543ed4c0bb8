import { isHalf, type HalfDType } from './dtype.js';

/** A binary floating-point format of 16 bits: sign, exponent, fraction. */
interface Format {
  /** Bits of the fraction; a normal number has one more, which is not stored. */
  readonly fractionBits: number;
  /** Exponent of the smallest normal number and of the subnormal ones. */
  readonly lowest: number;
  /** The largest finite number. */
  readonly largest: number;
  /** Value of a fraction's last bit, by the stored exponent. */
  readonly units: Float64Array;
}

function format(fractionBits: number): Format {
  const exponents = 2 ** (15 - fractionBits);
  const lowest = 2 - exponents / 2;
  const highest = exponents / 2 - 1;
  const units = Float64Array.from({ length: exponents }, (_, i) => 2 ** (lowest + Math.max(i - 1, 0) - fractionBits));
  return { fractionBits, lowest, largest: (2 - 2 ** -fractionBits) * 2 ** highest, units };
}

const formats: Readonly<Record<HalfDType, Format>> = { float16: format(10), bfloat16: format(7) };

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
const upper = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0;

/** Index of a finite number in the table of units: its stored exponent. */
function exponentOf(value: number, { lowest, units }: Format): number {
  double[0] = value;
  const exponent = ((words[upper]! >>> 20) & 0x7ff) - 1023;
  return Math.min(Math.max(exponent - lowest + 1, 0), units.length - 1);
}

function rounded(value: number, format: Format): number {
  if (value === 0 || !Number.isFinite(value)) return value;
  // Doubles around this number are one unit apart, so the addition rounds, with ties to even.
  const shift = 1.5 * 2 ** 52 * format.units[exponentOf(value, format)]!;
  const result = value + shift - shift;
  if (Math.abs(result) > format.largest) return value > 0 ? Infinity : -Infinity;
  return result === 0 && value < 0 ? -0 : result;
}

/**
 * The nearest number that a two-byte dtype can hold, with ties to even; an infinity beyond the largest. Rounds only
 * once, even from doubles. Other dtypes leave the number unchanged.
 */
export function roundTo(value: number, dtype: string): number {
  return isHalf(dtype) ? rounded(value, formats[dtype]) : value;
}

/** Encodes numbers in 16 bits each, rounded as by {@link roundTo}, as in files and native libraries. */
export function halfToBits(values: ArrayLike<number>, dtype: HalfDType): Uint16Array<ArrayBuffer> {
  const format = formats[dtype];
  const { fractionBits, units } = format;
  const infinity = (units.length - 1) << fractionBits;
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = rounded(values[i]!, format);
    const size = Math.abs(value);
    const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
    if (size <= format.largest) {
      const exponent = exponentOf(value, format);
      // The leading bit that is not stored adds one to the exponent.
      bits[i] = sign + (Math.max(exponent - 1, 0) << fractionBits) + size / units[exponent]!;
    } else {
      bits[i] = sign + infinity + (Number.isNaN(size) ? 1 << (fractionBits - 1) : 0);
    }
  }
  return bits;
}

/** Decodes numbers of 16 bits each, exactly. */
export function halfFromBits(bits: Uint16Array, dtype: HalfDType): Float32Array<ArrayBuffer> {
  const { fractionBits, units } = formats[dtype];
  const hidden = 1 << fractionBits;
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const exponent = (bits[i]! & 0x7fff) >> fractionBits;
    const fraction = bits[i]! & (hidden - 1);
    const size =
      exponent === units.length - 1
        ? fraction === 0
          ? Infinity
          : NaN
        : (exponent === 0 ? fraction : hidden + fraction) * units[exponent]!;
    values[i] = bits[i]! & 0x8000 ? -size : size;
  }
  return values;
}

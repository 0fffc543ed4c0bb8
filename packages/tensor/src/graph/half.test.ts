import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { isFloat, type HalfDType } from './dtype.js';
import { halfFromBits, halfToBits, roundTo } from './half.js';

const all = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);
const isNaNBits = (bits: number, infinity: number): boolean => (bits & 0x7fff) > infinity;

describe.each([
  { dtype: 'float16', infinity: 0x7c00 },
  { dtype: 'bfloat16', infinity: 0x7f80 },
] as const)('$dtype', ({ dtype, infinity }) => {
  const values = halfFromBits(all, dtype);
  /** Every finite number from zero up, in order. */
  const sizes = values.slice(0, infinity);

  it('has all its numbers in the order of their bits', () => {
    expect(sizes.every((value, i) => i === 0 || value > sizes[i - 1]!)).toBe(true);
    expect(values[infinity]).toBe(Infinity);
    expect(values[0x8000 + infinity]).toBe(-Infinity);
    expect(all.every((bits) => isNaNBits(bits, infinity) === Number.isNaN(values[bits]!))).toBe(true);
    expect(all.every((bits) => bits < 0x8000 || Object.is(values[bits], -values[bits - 0x8000]!))).toBe(true);
  });

  it('restores every number from its bits', () => {
    const quiet = infinity + ((infinity & -infinity) >> 1);
    const wanted = all.map((bits) => (isNaNBits(bits, infinity) ? quiet : bits));
    expect(halfToBits(values, dtype)).toEqual(wanted);
    expect(values.every((value) => Object.is(roundTo(value, dtype), value))).toBe(true);
  });

  /** The nearest number by search, with ties going to an even last bit; the step after the largest is infinity. */
  const nearest = (value: number): number => {
    const size = Math.abs(value);
    const largest = sizes.at(-1)!;
    const beyond = 2 * largest - sizes.at(-2)!;
    const sign = value < 0 || Object.is(value, -0) ? -1 : 1;
    if (size >= (largest + beyond) / 2) return sign * Infinity;
    let [low, high] = [0, sizes.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (sizes[middle]! <= size) low = middle;
      else high = middle;
    }
    const [below, above] = [size - sizes[low]!, (sizes[low + 1] ?? beyond) - size];
    return sign * sizes[below < above || (below === above && low % 2 === 0) ? low : low + 1]!;
  };

  it('rounds doubles to the nearest number', () => {
    const anywhere = fc.oneof(
      fc.double({ noNaN: true }),
      fc.float({ noNaN: true }),
      fc.double({ noNaN: true, min: -1, max: 1 }),
    );
    fc.assert(
      fc.property(anywhere, (value) => {
        expect(roundTo(value, dtype)).toBe(nearest(value));
        expect(halfFromBits(halfToBits([value], dtype), dtype)[0]).toBe(nearest(value));
      }),
      { seed: 1, numRuns: 2000 },
    );
  });

  it('rounds the midpoint of two neighbours to the even one, and numbers next to the midpoint away from it', () => {
    const place = fc.integer({ min: 0, max: sizes.length - 2 });
    fc.assert(
      fc.property(place, fc.constantFrom(1, -1), (low, sign) => {
        const middle = (sizes[low]! + sizes[low + 1]!) / 2;
        expect(roundTo(sign * middle, dtype)).toBe(sign * sizes[low + (low % 2)]!);
        expect(roundTo(sign * middle * (1 - 2 ** -52), dtype)).toBe(sign * sizes[low]!);
        expect(roundTo(sign * middle * (1 + 2 ** -52), dtype)).toBe(sign * sizes[low + 1]!);
      }),
      { seed: 2, numRuns: 500 },
    );
  });

  it('keeps zeros, infinities and NaN', () => {
    for (const value of [0, -0, Infinity, -Infinity, NaN]) expect(roundTo(value, dtype)).toBe(value);
    expect(roundTo(-1e-300, dtype)).toBe(-0);
    expect(roundTo(1e300, dtype)).toBe(Infinity);
  });
});

test('known numbers', () => {
  const bits = (value: number, dtype: HalfDType): number => halfToBits([value], dtype)[0]!;
  expect([1, -2, 65504, 2 ** -14, 2 ** -24, 65520, -0].map((x) => bits(x, 'float16'))).toEqual([
    0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x7c00, 0x8000,
  ]);
  expect([1, -2.5, Math.PI, 2 ** -126, 2 ** -133, 3.4e38].map((x) => bits(x, 'bfloat16'))).toEqual([
    0x3f80, 0xc020, 0x4049, 0x0080, 0x0001, 0x7f80,
  ]);
});

test('other dtypes are left alone', () => {
  expect(roundTo(0.1, 'float32')).toBe(0.1);
  expect(roundTo(7, 'int32')).toBe(7);
  expect(['float32', 'float16', 'bfloat16', 'int32', 'bool'].filter(isFloat)).toHaveLength(3);
});

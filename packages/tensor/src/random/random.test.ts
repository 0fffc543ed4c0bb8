import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RandomKeyError } from '../errors.js';
import { philox, rounds } from './philox.js';
import { fillNormals, normalBatch, normals, uniforms } from './random.js';

const block = (counter: readonly number[], key: readonly [number, number]): string[] => {
  const words = Uint32Array.from(counter);
  rounds(words, ...key);
  return Array.from(words, (word) => word.toString(16).padStart(8, '0'));
};

describe('Philox 4x32-10', () => {
  // Known answers from Random123 1.14, tests/kat_vectors, lines "philox4x32 10".
  it.each([
    { counter: [0, 0, 0, 0], key: [0, 0], words: '6627e8d5 e169c58d bc57ac4c 9b00dbd8' },
    {
      counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      key: [0xffffffff, 0xffffffff],
      words: '408f276d 41c83b0e a20bc7c6 6d5451fd',
    },
    {
      counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      key: [0xa4093822, 0x299f31d0],
      words: 'd16cfe09 94fdcceb 5001e420 24126ea1',
    },
  ] as const)('$words', ({ counter, key, words }) => {
    expect(block(counter, key).join(' ')).toBe(words);
  });

  it('counts blocks, samples and steps in the counter, and seed and purpose in the key', () => {
    const words = (key: Parameters<typeof philox>[0], index = 0): string => {
      const stream = philox(key);
      stream.next(index);
      return stream.words.join();
    };
    const base = { seed: 1, purpose: 'noise', step: 2, sample: 3 };
    const others = [
      words(base, 1),
      words({ ...base, seed: 2 }),
      words({ ...base, seed: 1 + 2 ** 32 }),
      words({ ...base, purpose: 'times' }),
      words({ ...base, step: 3 }),
      words({ ...base, step: 2 + 2 ** 32 }),
      words({ ...base, sample: 4 }),
    ];
    expect(new Set([words(base), ...others]).size).toBe(8);
    expect(words(base)).toBe(words({ ...base }));
    expect(words({ seed: 1, purpose: 'noise' })).toBe(words({ seed: 1, purpose: 'noise', step: 0, sample: 0 }));
  });
});

describe('a key out of range', () => {
  it.each([
    { seed: -1, purpose: 'p' },
    { seed: 0.5, purpose: 'p' },
    { seed: NaN, purpose: 'p' },
    { seed: 2 ** 53, purpose: 'p' },
    { seed: 0, purpose: 'p', step: -1 },
    { seed: 0, purpose: 'p', sample: 2 ** 32 },
  ])('is refused: %o', (key) => {
    expect(() => normals(key, 1)).toThrow(RandomKeyError);
    expect(() => uniforms(key, 1)).toThrow(/random key: (seed|step|sample) wants a whole number in/);
  });

  it('is accepted up to the end of the range', () => {
    expect(uniforms({ seed: 2 ** 53 - 1, purpose: 'p', step: 2 ** 53 - 1, sample: 2 ** 32 - 1 }, 5)).toHaveLength(5);
  });
});

/** Mean of `f(x)` over the numbers. */
const mean = (xs: ArrayLike<number>, f: (x: number) => number = (x) => x): number => {
  let total = 0;
  for (let i = 0; i < xs.length; i++) total += f(xs[i]!);
  return total / xs.length;
};

const count = 100_000;

describe('distributions', () => {
  // The draws are deterministic; the bounds are five standard errors of the exact distribution, so almost any seed
  // would pass.
  it('uniform numbers have the moments of [0, 1)', () => {
    const u = uniforms({ seed: 5, purpose: 'test' }, count);
    expect(u.every((x) => x >= 0 && x < 1)).toBe(true);
    expect(Math.abs(mean(u) - 1 / 2)).toBeLessThan(5 * Math.sqrt(1 / 12 / count));
    expect(Math.abs(mean(u, (x) => (x - 0.5) ** 2) - 1 / 12)).toBeLessThan(5 * Math.sqrt(1 / 180 / count));
  });

  it('uniform numbers fill a hundred bins evenly', () => {
    const bins = new Float64Array(100);
    for (const x of uniforms({ seed: 6, purpose: 'test' }, count)) bins[Math.floor(x * 100)]!++;
    const expected = count / bins.length;
    const chiSquared = bins.reduce((total, n) => total + (n - expected) ** 2 / expected, 0);
    // 99 degrees of freedom: mean 99, standard deviation sqrt(2 * 99) = 14.
    expect(Math.abs(chiSquared - 99)).toBeLessThan(5 * 14.1);
  });

  it('normal numbers have the moments of N(0, 1)', () => {
    const x = normals({ seed: 7, purpose: 'test' }, count);
    // Variances of x, x^2, x^3, x^4 under N(0, 1): 1, 2, 15, 96.
    expect(Math.abs(mean(x))).toBeLessThan(5 * Math.sqrt(1 / count));
    expect(Math.abs(mean(x, (v) => v ** 2) - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
    expect(Math.abs(mean(x, (v) => v ** 3))).toBeLessThan(5 * Math.sqrt(15 / count));
    expect(Math.abs(mean(x, (v) => v ** 4) - 3)).toBeLessThan(5 * Math.sqrt(96 / count));
    // P(|x| > 3) = 0.0027
    expect(Math.abs(mean(x, (v) => Number(Math.abs(v) > 3)) - 0.0027)).toBeLessThan(5 * Math.sqrt(0.0027 / count));
  });

  it('neighbours, samples, steps, seeds and purposes are uncorrelated', () => {
    const base = { seed: 8, purpose: 'noise', step: 1, sample: 1 };
    const x = normals(base, count);
    const others = [
      normals({ ...base, sample: 2 }, count),
      normals({ ...base, step: 2 }, count),
      normals({ ...base, seed: 9 }, count),
      normals({ ...base, purpose: 'other' }, count),
      Float64Array.from(x, (_, i) => x[(i + 1) % count]!),
    ];
    for (const y of others) {
      const covariance = mean(Float64Array.from(x, (v, i) => v * y[i]!));
      expect(Math.abs(covariance)).toBeLessThan(5 / Math.sqrt(count));
    }
  });
});

describe('streams', () => {
  it('do not depend on how many numbers are drawn', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(40), fc.nat(), (n, more, seed) => {
        const key = { seed, purpose: 'p' };
        expect(normals(key, n + more).subarray(0, n)).toEqual(normals(key, n));
        expect(uniforms(key, n + more).subarray(0, n)).toEqual(uniforms(key, n));
      }),
    );
  });

  it('a batch is its samples, however it is split', () => {
    const key = { seed: 3, purpose: 'noise', step: 17 };
    const whole = normalBatch(key, [6, 3, 5]);
    const parts = [normalBatch(key, [2, 3, 5]), normalBatch(key, [3, 3, 5], 2), normalBatch(key, [1, 3, 5], 5)];
    expect(Float32Array.from(parts.flatMap((part) => [...part]))).toEqual(whole);
    expect(whole.subarray(15, 30)).toEqual(Float32Array.from(normals({ ...key, sample: 1 }, 15)));
  });

  it('fill an array with the numbers of normals', () => {
    const out = new Float64Array(7);
    fillNormals({ seed: 1, purpose: 'p' }, out);
    expect(out).toEqual(normals({ seed: 1, purpose: 'p' }, 7));
  });

  // The numbers of a seed are part of the interface: a published result names its seed. Computed by this package 0.1.
  it('stay the same from version to version', () => {
    const stream = normals({ seed: 42, purpose: 'noise', step: 3, sample: 7 }, 3);
    expect(Array.from(stream, (x) => Number(x.toFixed(9)))).toMatchInlineSnapshot(`
      [
        1.422028827,
        0.600882279,
        -0.581505339,
      ]
    `);
  });
});

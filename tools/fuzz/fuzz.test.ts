import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { DataError } from '@flowmap/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { check } from './check.js';
import { decoders, type Decoder } from './decoders.js';
import { filesOf } from './files.js';
import { fuzz } from './fuzz.js';
import { mutateBytes } from './mutators/bytes.js';
import { MAX_LENGTH } from './mutators/mutator.js';
import { randomOf } from './random.js';

let scratch = '';
beforeAll(() => (scratch = mkdtempSync(join(tmpdir(), 'flowmap-fuzz-test-'))));
afterAll(() => rmSync(scratch, { recursive: true }));

describe.each(Object.entries(decoders))('%s', (name, decoder) => {
  const files = [...filesOf('corpus', name), ...filesOf('found', name)];

  it.each(files.map((path) => [basename(path), path]))('reads or refuses %s', async (_, path) => {
    const { fault } = await check(decoder, Uint8Array.from(readFileSync(path)), scratch);
    expect(fault?.kind === 'slow' ? undefined : fault).toBeUndefined(); // time is left to the fuzzer on a quiet machine
  });

  it('accepts an input of its corpus, whose changes the seed decides', async () => {
    const corpus = filesOf('corpus', name).map((path) => Uint8Array.from(readFileSync(path)));
    const outcomes = await Promise.all(corpus.map((bytes) => check(decoder, bytes, scratch)));
    expect(outcomes.some(({ accepted }) => accepted)).toBe(true);
    const changes = (seed: number): Uint8Array[] => {
      const random = randomOf(seed);
      return Array.from({ length: 50 }, () => decoder.mutate(random.pick(corpus), random, random.pick(corpus)));
    };
    expect(changes(1)).toEqual(changes(1));
    expect(changes(1)).not.toEqual(changes(2));
    expect(Math.max(...changes(3).map(({ length }) => length))).toBeLessThanOrEqual(4 * MAX_LENGTH);
  });
});

/** Processor time since then, in microseconds. Asking for it takes most of that time, in the system. */
function spentSince(then: number): number {
  const { user, system } = process.cpuUsage();
  return user + system - then;
}

/** A decoder that does something forbidden with inputs that start with a letter. */
const bad: Decoder = {
  mutate: mutateBytes,
  errors: [DataError],
  memory: 4096,
  batch: 8,
  decode([letter]) {
    switch (String.fromCharCode(letter ?? 0)) {
      case 'e':
        throw new RangeError('raw');
      case 'm':
        throw new Proxy(new DataError('x', 'y'), {
          get: (error, key) => (key === 'message' ? '\u001b[2J' : (Reflect.get(error, key) as unknown)),
        });
      case 's':
        for (const { user, system } = process.cpuUsage(); spentSince(user + system) < 1.1e6;);
        return;
      case 'g':
        new Uint8Array(200 * 2 ** 20).fill(1);
        return;
      case 'd':
        throw new DataError('x', 'refused');
    }
  },
};

describe('what an input may not do', () => {
  it.each([
    ['e', 'error', /RangeError: raw/],
    ['m', 'message', /^"\\u001b\[2J"$/],
    ['s', 'slow', /^\d+\.\d\d s$/],
  ] as const)('is told of %s', async (letter, kind, message) => {
    const { fault } = await check(bad, Buffer.from(letter), scratch);
    expect(fault).toMatchObject({ kind, message: expect.stringMatching(message) as unknown });
  });

  it('is told of memory, of the input that takes it and of no later one', { timeout: 120_000 }, async () => {
    const small = { ...bad, memory: 128 };
    for (const round of [1, 2]) {
      const { fault, rise } = await check(small, Buffer.from('g'), scratch);
      expect(fault, `round ${round}`).toMatchObject({
        kind: 'memory',
        message: expect.stringMatching(/^\d+ MiB$/) as unknown,
      });
      expect(rise).toBeGreaterThan(150);
      expect((await check(small, Buffer.from('a'), scratch)).fault).toBeUndefined();
    }
  });

  it('is found by fuzzing where it takes memory among many that do not', { timeout: 120_000 }, async () => {
    const culprits: string[] = [];
    await fuzz(
      { ...bad, memory: 128 },
      {
        corpus: [Buffer.from('g'), Buffer.from('h')],
        runs: 24,
        seed: 2,
        seconds: Infinity,
        scratch,
        onFault(bytes, { kind }) {
          if (kind === 'memory') culprits.push(String.fromCharCode(bytes[0]!));
          return true;
        },
      },
    );
    expect(new Set(culprits)).toEqual(new Set(['g']));
  });

  it('is not what a refusal or a success is', async () => {
    expect(await check(bad, Buffer.from('d'), scratch)).toMatchObject({ accepted: false });
    expect((await check(bad, Buffer.from('d'), scratch)).fault).toBeUndefined();
    expect(await check(bad, Buffer.from('a'), scratch)).toMatchObject({ accepted: true });
  });

  it('is found by fuzzing, from the seed alone', async () => {
    const found = async (): Promise<string[]> => {
      const kinds: string[] = [];
      const result = await fuzz(bad, {
        corpus: [Buffer.from('d'), Buffer.from('f')],
        runs: 300,
        seed: 1,
        seconds: Infinity,
        scratch,
        onFault(_, { kind }) {
          kinds.push(kind);
          return kinds.length < 2;
        },
      });
      expect(result.inputs).toBeGreaterThan(1);
      return kinds;
    };
    const first = await found();
    expect(first.length).toBe(2);
    expect(await found()).toEqual(first);
  });
});

describe('coverage', () => {
  it('keeps the inputs that reach a new block of the sources', async () => {
    const { kept, covered, inputs } = await fuzz(decoders['cifar10']!, {
      corpus: [new Uint8Array(1)],
      runs: 100,
      seed: 0,
      seconds: Infinity,
      scratch,
      onFault: () => false,
    });
    expect(inputs).toBe(100);
    expect(covered).toBeGreaterThan(0);
    expect(kept.length).toBeGreaterThan(0);
  });
});

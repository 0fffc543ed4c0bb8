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
    const { fault } = await check(decoder, Uint8Array.from(readFileSync(path)), scratch, Infinity);
    expect(fault?.kind === 'slow' ? undefined : fault).toBeUndefined(); // time is the fuzzer's to tell, on a quiet machine
  });

  it('accepts an input of its corpus, whose changes the seed decides', async () => {
    const corpus = filesOf('corpus', name).map((path) => Uint8Array.from(readFileSync(path)));
    const outcomes = await Promise.all(corpus.map((bytes) => check(decoder, bytes, scratch, Infinity)));
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

/** A decoder that does what it may not with inputs that start with a letter. */
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
        for (const start = process.cpuUsage(); process.cpuUsage(start).user < 1.1e6;);
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
    const { fault } = await check(bad, Buffer.from(letter), scratch, Infinity);
    expect(fault).toMatchObject({ kind, message: expect.stringMatching(message) as unknown });
  });

  it('is told of memory, by how far the process has grown', async () => {
    const { fault } = await check({ ...bad, memory: 1 }, Buffer.from('d'), scratch, 0);
    expect(fault?.kind).toBe('memory');
  });

  it('is not what a refusal or a success is', async () => {
    expect(await check(bad, Buffer.from('d'), scratch, Infinity)).toMatchObject({ accepted: false });
    expect((await check(bad, Buffer.from('d'), scratch, Infinity)).fault).toBeUndefined();
    expect(await check(bad, Buffer.from('a'), scratch, Infinity)).toMatchObject({ accepted: true });
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

import { readFileSync } from 'node:fs';
import { CheckpointError } from '@flowmap/core';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { decodeTorchFile } from './torch-file.js';

/** Files made by `tools/reference/torch_files.py`. */
const fixture = (name: string): Uint8Array => readFileSync(new URL(`../__fixtures__/${name}`, import.meta.url));
const files = { 'archive.pt': fixture('archive.pt'), 'legacy.pth': fixture('legacy.pth') };

describe.each(Object.entries(files))('%s', (name, bytes) => {
  test('holds tensors of all types, whatever their strides, and other data is left out', () => {
    const tensors = decodeTorchFile(bytes, name);
    const plain = Object.entries(tensors).map(([key, { shape, dtype, data }]) => [key, shape, dtype, [...data]]);
    expect(plain).toEqual([
      ['state_dict.matrix', [2, 3], 'float32', [0, 0.5, 1, 1.5, 2, 2.5]],
      ['state_dict.transposed', [3, 2], 'float32', [0, 1.5, 0.5, 2, 1, 2.5]],
      ['state_dict.row', [3], 'float32', [1.5, 2, 2.5]],
      ['state_dict.scalar', [], 'float32', [-2.5]],
      ['state_dict.half', [2], 'float32', [1638 * 2 ** -14, 65504]],
      ['state_dict.long', [2], 'int32', [7, -3]],
      ['state_dict.boolean', [2], 'bool', [1, 0]],
      ['state_dict.byte', [1], 'int32', [200]],
    ]);
  });

  test('is refused when it is cut off anywhere', () => {
    for (let length = 0; length < bytes.length; length += 7) {
      expect(() => decodeTorchFile(bytes.subarray(0, length), name)).toThrow(CheckpointError);
    }
  });

  test('never throws anything but a CheckpointError when bytes are changed', () => {
    const change = fc.record({ at: fc.nat(bytes.length - 1), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const copy = Uint8Array.from(bytes);
        for (const { at, value } of changes) copy[at] = value;
        try {
          decodeTorchFile(copy, name);
        } catch (error) {
          expect(error).toBeInstanceOf(CheckpointError);
        }
      }),
      { seed: 0, numRuns: 500 },
    );
  });

  test('is refused above its limits', () => {
    expect(() => decodeTorchFile(bytes, name, { maxBytes: 64 })).toThrow(/maxBytes, 64/);
    expect(() => decodeTorchFile(bytes, name, { maxValues: 5 })).toThrow(/maxValues, 5/);
  });
});

test('a function is refused by its name and never called', () => {
  const decode = (): unknown => decodeTorchFile(fixture('executes.pth'), 'executes.pth');
  expect(decode).toThrow(CheckpointError);
  expect(decode).toThrow(/executes\.pth.*it calls "__builtin__\.print"/);
});

test('a zip bomb is refused before it is unpacked', () => {
  const bomb = zipSync({ 'archive/data.pkl': new Uint8Array(2 ** 22) });
  expect(bomb.length).toBeLessThan(2 ** 13);
  expect(() => decodeTorchFile(bomb, 'bomb.pt', { maxBytes: 2 ** 20 })).toThrow(/maxBytes/);
});

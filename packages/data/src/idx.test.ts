import { ConfigError, DataError } from '@flowmap/core';
import { describeDataset } from '@flowmap/core/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { idxDataset, parseIdx } from './idx.js';

/** An IDX file of unsigned bytes whose values are 0, 1, 2, … mod 256. */
function idx(...shape: number[]): Uint8Array {
  const length = shape.reduce((product, extent) => product * extent, 1);
  const header = shape.flatMap((extent) => [extent >>> 24, extent >>> 16, extent >>> 8, extent]);
  return Uint8Array.from([0, 0, 8, shape.length, ...header, ...Array.from({ length }, (_, i) => i)]);
}

test('shape and values come back, from any offset', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(6), { minLength: 1, maxLength: 4 }),
      fc.uint8Array({ maxLength: 9 }),
      (shape, before) => {
        const bytes = Uint8Array.from([...before, ...idx(...shape)]).subarray(before.length);
        const { shape: parsed, data } = parseIdx(bytes);
        expect(parsed).toEqual(shape);
        expect([...data]).toEqual(Array.from(data, (_, i) => i % 256));
        expect(data.length).toBe(shape.reduce((product, extent) => product * extent, 1));
      },
    ),
  );
});

test('every shortened or lengthened file is refused', () => {
  const bytes = idx(2, 3, 2);
  for (let length = 0; length < bytes.length; length++) {
    expect(() => parseIdx(bytes.subarray(0, length), { source: 'a.idx' })).toThrow(/^a\.idx: truncated/);
  }
  expect(() => parseIdx(Uint8Array.from([...bytes, 0]))).toThrow(
    'IDX bytes: too long: the header announces [2, 3, 2] bytes, 28 in all, got 29',
  );
});

test('other kinds of file are refused', () => {
  const cases: [number[], RegExp][] = [
    [[0x89, 0x50, 0x4e, 0x47, 0, 0], /not an IDX file: wanted two zero bytes.*0x89504e47/],
    [[0x1f, 0x8b, 8, 0, 0, 0], /gzip-compressed bytes, decompress them first/],
    [[0, 0, 0x0d, 1, 0, 0, 0, 0], /type 0x08 \(unsigned byte\), got magic number 0x00000d01/],
    [[0, 0, 8, 0], /wanted 1 to 4 axes/],
    [[0, 0, 8, 5, 0, 0, 0, 0], /wanted 1 to 4 axes/],
  ];
  for (const [bytes, message] of cases) {
    expect(() => parseIdx(Uint8Array.from(bytes))).toThrow(DataError);
    expect(() => parseIdx(Uint8Array.from(bytes))).toThrow(message);
  }
});

describeDataset('of an IDX file', () =>
  idxDataset({ images: parseIdx(idx(3, 2, 4)), labels: parseIdx(idx(3)), name: 'digits' }),
);

test('images and labels become a dataset of grey images', async () => {
  const data = idxDataset({ images: parseIdx(idx(3, 2, 4)), labels: parseIdx(idx(3)), name: 'digits' });
  expect(data).toMatchObject({ name: 'digits', length: 3, shape: [1, 2, 4], classes: ['0', '1', '2'] });
  const { x, conditions } = await data.batch([2]);
  expect(x).toEqual(Float32Array.from({ length: 8 }, (_, i) => (16 + i) / 127.5 - 1));
  expect(conditions).toEqual({ label: Int32Array.of(2) });
});

test('without labels the dataset is unconditional, with names they are its classes', () => {
  const images = parseIdx(idx(3, 2, 4));
  expect(idxDataset({ images }).classes).toEqual([]);
  const classes = ['a', 'b', 'c', 'd'];
  expect(idxDataset({ images, labels: parseIdx(idx(3)), classes }).classes).toEqual(classes);
});

test('images and labels that do not fit are refused', () => {
  const images = parseIdx(idx(3, 2, 4));
  const cases: [() => unknown, RegExp][] = [
    [() => idxDataset({ images: parseIdx(idx(3)) }), /wanted images of shape \[count, height, width\], got \[3\]/],
    [() => idxDataset({ images: parseIdx(idx(0, 2, 4)) }), /got \[0, 2, 4\]/],
    [() => idxDataset({ images, labels: parseIdx(idx(4)) }), /wanted labels of shape \[3\] for 3 images, got \[4\]/],
    [() => idxDataset({ images, labels: images }), /wanted labels of shape \[3\]/],
    [
      () => idxDataset({ images, labels: parseIdx(idx(3)), classes: ['a'] }),
      /^IDX: sample 1 has the label 1: wanted labels below 1/,
    ],
  ];
  for (const [call, message] of cases) {
    expect(call).toThrow(DataError);
    expect(call).toThrow(message);
  }
});

test('names of classes without labels are refused', () => {
  const images = parseIdx(idx(3, 2, 4));
  const named = (): unknown => idxDataset({ images, classes: ['a', 'b'] });
  expect(named).toThrow(ConfigError);
  expect(named).toThrow('idxDataset(IDX).labels: wanted given for 2 classes, got none');
  expect(idxDataset({ images, classes: [] }).classes).toEqual([]);
});

import { readFileSync } from 'node:fs';
import { CheckpointError, ConfigError } from '@flowmap/core';
import { DTypeError, hostTensor, normals } from '@flowmap/tensor';
import { strToU8, zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { decodeNpz, encodeNpz, npzNames } from './npz.js';

/** Files made by `tools/reference/npz_files.py`. */
const fixture = (name: string): Uint8Array => readFileSync(new URL(`../__fixtures__/${name}`, import.meta.url));

/** A file with one array of this header and values. */
function npz(header: string, values: Uint8Array, version = 1): Uint8Array {
  const length =
    version === 1 ? [header.length & 255, header.length >> 8] : [header.length & 255, header.length >> 8, 0, 0];
  const start = Uint8Array.of(0x93, ...strToU8('NUMPY'), version, 0, ...length, ...strToU8(header));
  const array = new Uint8Array(start.length + values.length);
  array.set(start);
  array.set(values, start.length);
  return zipSync({ 'a.npy': array });
}

const header = (descr: string, shape: string): string =>
  `{'descr': ${descr}, 'fortran_order': False, 'shape': ${shape}, }\n`;

describe('files of NumPy', () => {
  test('hold arrays of both orders of axes, of both widths, and without axes', () => {
    const { rows, columns, scalar, cube } = decodeNpz(fixture('orders.npz'), 'orders.npz');
    const wanted = hostTensor([2, 3], Float64Array.of(0, 0.5, 1, 1.5, 2, 2.5));
    expect(rows).toEqual(wanted);
    expect(columns).toEqual(wanted);
    expect(scalar).toEqual(hostTensor([], [-1.5]));
    expect(cube).toEqual(
      hostTensor(
        [2, 3, 4],
        Float32Array.from({ length: 24 }, (_, i) => i),
      ),
    );
  });

  test('may have arrays that are not read, and are not unpacked then', () => {
    const bytes = fixture('compressed.npz');
    expect(npzNames(bytes, 'a.npz')).toEqual(['mu', 'sigma', 'mu_s', 'sigma_s', 'arr_0']);
    expect(Object.keys(decodeNpz(bytes, 'a.npz', { arrays: ['sigma_s', 'mu_s'] }))).toEqual(['sigma_s', 'mu_s']);
    expect(() => decodeNpz(bytes, 'a.npz')).toThrow(/a\.npz: .*array "arr_0": its values are "'\|u1'"/);
    expect(() => decodeNpz(bytes, 'a.npz', { arrays: ['nu'] })).toThrow(/no array "nu"; it has "mu\.npy, sigma/);
  });

  test('are read whatever the version of an array', () => {
    const values = new Uint8Array(Float32Array.of(1, 2).buffer);
    for (const version of [1, 2, 3]) {
      expect(decodeNpz(npz(header("'<f4'", '(2,)'), values, version), 'a').a).toEqual(hostTensor([2], [1, 2]));
    }
    expect(() => decodeNpz(npz(header("'<f4'", '(2,)'), values, 4), 'a')).toThrow(/the version 4/);
  });

  test.each([
    ["'|O'", '(2,)', /Python objects/],
    ["[('a', '<f4'), ('b', 'O')]", '(2,)', /Python objects/],
    ["[('a', '<f4')]", '(2,)', /its values are/],
    ["'>f4'", '(2,)', /its values are "'>f4'"/],
    ["'<i8'", '(1,)', /its values are/],
    ["'<f4'", '(3,)', /it has 8 bytes of values, its shape \[3\] 12/],
    ["'<f4'", '(1,)', /it has 8 bytes/],
    ["'<f4'", '(99999999, 99999999)', /it has 8 bytes/],
    ["'<f4'", '(0,)', /its shape/],
    ["'<f4'", '(2 1)', /its shape/],
    ["'<f4'", '(2,,)', /its shape/],
    ["'<f4'", `(${'1,'.repeat(65)})`, /its shape/],
    ["'<f4'", '(2,) or __import__("os")', /its header is/],
    ["'<f4'", `(${' '.repeat(10_000)}2,)`, /its header has \d+ bytes/],
  ])('are refused with values of %s and the shape %s', (descr, shape, message) => {
    const decode = (): unknown => decodeNpz(npz(header(descr, shape), new Uint8Array(8)), 'a.npz');
    expect(decode).toThrow(CheckpointError);
    expect(decode).toThrow(message);
  });

  test('are refused with Python objects', () => {
    expect(() => decodeNpz(fixture('objects.npz'), 'objects.npz')).toThrow(/array "mu": it holds Python objects/);
  });

  test.each(['stored.npz', 'compressed.npz'])('are refused when they are cut off anywhere: %s', (name) => {
    const bytes = fixture(name);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeNpz(bytes.subarray(0, length), name, { arrays: ['mu', 'sigma'] })).toThrow(CheckpointError);
    }
  });

  test('are refused when a byte of the values is changed', () => {
    const bytes = fixture('stored.npz');
    bytes[200]! ^= 1;
    expect(() => decodeNpz(bytes, 'stored.npz')).toThrow(/is damaged/);
  });

  test('are refused with a name of the limit that they exceed, before anything is unpacked', () => {
    const bomb = npz(header("'<f8'", `(${2 ** 22},)`), new Uint8Array(2 ** 25));
    expect(bomb.length).toBeLessThan(2 ** 16);
    const error = (maxBytes?: number): unknown => {
      try {
        return decodeNpz(bomb, 'bomb.npz', maxBytes === undefined ? {} : { maxBytes });
      } catch (thrown) {
        return thrown;
      }
    };
    expect(error()).toBeInstanceOf(CheckpointError);
    expect(error()).toMatchObject({ limit: 'maxBytes', source: 'bomb.npz' });
    expect(error(2 ** 26)).toMatchObject({ a: { shape: [2 ** 22] } });
    expect(error(0)).toBeInstanceOf(ConfigError);
  });
});

describe('files that are written', () => {
  const values = normals({ seed: 0, purpose: 'npz' }, 24);
  const arrays = {
    a: hostTensor([2, 3, 4], values),
    b: hostTensor([24], Float32Array.from(values)),
    'c/d': hostTensor([], Float64Array.of(Math.PI)),
  };

  test('give the same bits, and are the same every time', () => {
    const bytes = encodeNpz(arrays);
    expect(decodeNpz(bytes, 'a.npz')).toEqual(arrays);
    expect(encodeNpz(arrays)).toEqual(bytes);
  });

  test('have the headers of NumPy', () => {
    const { rows } = decodeNpz(fixture('orders.npz'), 'orders.npz');
    const written = Buffer.from(encodeNpz({ rows: rows! })).toString('latin1');
    const head = "\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }";
    expect(written).toContain(`${head}${' '.repeat(127 - head.length)}\n`);
  });

  test('do not hold whole numbers', () => {
    expect(() => encodeNpz({ a: hostTensor([1], Int32Array.of(1)) })).toThrow(DTypeError);
  });
});

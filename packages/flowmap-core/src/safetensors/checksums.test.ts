import { crc32 as zlibCrc32 } from 'node:zlib';
import { hostTensor } from '@flowmap/tensor';
import { expect, test } from 'vitest';
import { CheckpointError, ConfigError } from '../errors.js';
import { decodeModel, encodeModel } from '../models/checkpoint.js';
import { mlp } from '../networks/mlp.js';
import { crc32 } from './checksums.js';
import { decodeSafetensors } from './decode.js';
import { encodeSafetensors } from './encode.js';

const network = mlp({ shape: [2], classes: 2, width: 4, depth: 1 });
const bytes = encodeModel({ kind: 'velocity', network, params: network.init(1), classes: ['cat', 'dog'] });
const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
const content = decodeSafetensors(bytes, 'whole');
const flipped = (at: number, bit: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ (1 << bit) : byte));

test('the checksum is that of zip and PNG', () => {
  expect(crc32(new TextEncoder().encode('123456789'))).toBe('cbf43926'); // the check value of its definition
  const some = Uint8Array.from({ length: 1000 }, (_, i) => (i * 89) % 251);
  expect(crc32(some)).toBe(zlibCrc32(some).toString(16).padStart(8, '0'));
});

test('any changed bit of a tensor in a model file is noticed, unless checksums are skipped', () => {
  for (let at = start, bit = 0; at < bytes.length; at += 5, bit = (bit + 3) % 8) {
    const decode = (): unknown => decodeModel(flipped(at, bit), 'file');
    expect(decode).toThrow(CheckpointError);
    expect(decode).toThrow(/^file: tensor ".*" is damaged: its checksum does not fit$/);
  }
  const skipped = decodeModel(flipped(bytes.length - 1, 0), 'file', { verify: false });
  expect(Object.keys(skipped.params)).toEqual(Object.keys(content.tensors));
});

test('a changed bit of the header is refused, or changes nothing that is read', () => {
  let refused = 0;
  for (let at = 0; at < start; at++) {
    for (const bit of [0, 5]) {
      try {
        const read = decodeSafetensors(flipped(at, bit), 'file');
        expect(read.tensors).toEqual(content.tensors);
        expect(read.metadata['flowmap']).toBe(content.metadata['flowmap']);
      } catch (error) {
        expect(error).toBeInstanceOf(CheckpointError);
        refused++;
      }
    }
  }
  expect(refused).toBeGreaterThan(1.9 * start); // changes that go unnoticed are white space, or hide the checksums
});

test('checksums are no part of the metadata, do not depend on the order, and are left out unless wanted', () => {
  const tensors = { b: hostTensor([1], [2]), a: hostTensor([2], [1, 0], 'bool') };
  const sealed = encodeSafetensors(tensors, { z: 'last', k: 'v' }, { checksums: true });
  expect(decodeSafetensors(sealed, 'file').metadata).toEqual({ k: 'v', z: 'last' });
  const reordered = { a: tensors.a, b: tensors.b };
  expect(encodeSafetensors(reordered, { k: 'v', z: 'last' }, { checksums: true })).toEqual(sealed);
  expect(new TextDecoder().decode(encodeSafetensors(tensors))).not.toContain('crc32');
  expect(() => encodeSafetensors(tensors, { 'flowmap.crc32': '0' })).toThrow(ConfigError);
  for (const text of ['', '0', '00000000 00000000 00000000']) {
    const wrong = new TextDecoder('latin1').decode(sealed).replace(/"flowmap.crc32":"[^"]*"/, (all) => {
      return `"flowmap.crc32":"${text}"`.padEnd(all.length);
    });
    const decode = (): unknown =>
      decodeSafetensors(
        Uint8Array.from(wrong, (c) => c.charCodeAt(0)),
        'file',
      );
    expect(decode).toThrow('file: is damaged: the checksum of its header does not fit');
  }
});

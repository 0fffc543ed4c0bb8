import type { Random } from '../random.js';
import { changed, mutateBytes, setWord, spliced } from './bytes.js';
import { edges, MAX_LENGTH, type Mutator } from './mutator.js';
import { withinZip } from './zip.js';

/** Changes in a NumPy array: type, order and shape, with values to match or not, and the header's text and length. */
const mutateNpy: Mutator = (bytes, random, other) => {
  const start = bytes[6] === 1 ? 10 : 12;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length < 12 ? 0 : start === 10 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length === 0 || start + length > bytes.length || random.once(8)) return mutateBytes(bytes, random, other);
  const values = bytes.subarray(start + length);
  switch (random.below(5)) {
    case 0:
      return changed(bytes, (copy) => setWord(copy, 6 + random.below(6), random));
    case 1:
      return array(headerOf(random), values, random);
    case 2: {
      const shape = Array.from({ length: random.below(4) }, () => 1 + random.below(5));
      const size = shape.reduce((product, extent) => product * extent, 1);
      const doubles = new Uint8Array(Math.max(0, 8 * size - random.pick([0, 0, 0, 1, 8])));
      return array(headerOf(random, "'<f8'", shape.map((extent) => `${extent},`).join('')), doubles, random);
    }
    case 3: {
      const text = mutateBytes(bytes.subarray(start, start + length), random, other);
      return array(Buffer.from(text).toString('latin1'), values, random);
    }
    default:
      return spliced(bytes, start + length, bytes.length, mutateBytes(values, random, other));
  }
};

const types = [
  "'<f4'",
  "'<f8'",
  "'|O'",
  "'>f8'",
  "'<f2'",
  "'|u1'",
  "'<c16'",
  "[('a', '<f4')]",
  "'|V0'",
  "'<M8[ns]'",
  '1',
  "''",
];

function headerOf(random: Random, type: string = random.pick(types), shape?: string): string {
  const extents = Array.from({ length: random.pick([0, 1, 2, 3, 40, 2000]) }, () => `${random.pick(edges)},`).join(' ');
  const order = random.pick(['False', 'False', 'True', 'True', 'None', '1']);
  return `{'descr': ${type}, 'fortran_order': ${order}, 'shape': (${shape ?? extents}), }${random.pick(['\n', '', '   \n', '}'])}`;
}

function array(header: string, values: Uint8Array, random: Random): Uint8Array {
  const version = random.pick([1, 1, 2, 3, 4]);
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  length.writeUIntLE(header.length % 2 ** 16, 0, 2);
  const start = Buffer.from([0x93, ...Buffer.from('NUMPY'), version, 0]);
  return Buffer.concat([start, length, Buffer.from(header, 'latin1'), values]).subarray(0, MAX_LENGTH);
}

/** Changes in a `.npz` file: its arrays, and the archive. */
export const mutateNpz: Mutator = withinZip(() => mutateNpy);

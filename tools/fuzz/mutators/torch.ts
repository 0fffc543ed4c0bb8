import { unzipSync, zipSync } from 'fflate';
import type { Random } from '../random.js';
import { mutateBytes, spliced } from './bytes.js';
import { edges, MAX_LENGTH, type Mutator } from './mutator.js';

/**
 * Changes in a PyTorch file: operations of its pickles added, left out or exchanged; in an archive its files, left out,
 * renamed, or changed before they are packed again.
 */
export const mutateTorch: Mutator = (bytes, random, other) => {
  const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b;
  if (!isZip) return mutatePickle(bytes, random, other);
  if (random.once(3)) return mutateBytes(bytes, random, other);
  try {
    const files = Object.entries<Uint8Array>(
      unzipSync(bytes, { filter: ({ originalSize }) => originalSize <= MAX_LENGTH }),
    );
    const at = random.below(files.length);
    const [name, content] = files[at]!;
    switch (random.below(6)) {
      case 0:
        files.splice(at, 1);
        break;
      case 1:
        files[at] = [random.pick([...files.map(([file]) => file), '', 'data.pkl', 'a/data.pkl', '../x']), content];
        break;
      case 2:
        files[at] = [name, new Uint8Array(random.pick([2 ** 16, 2 ** 20]))];
        break;
      default:
        files[at] = [name, mutatePickle(content, random, other)];
    }
    return zipSync(Object.fromEntries(files), { level: random.once(2) ? 0 : 6 }).subarray(0, MAX_LENGTH);
  } catch {
    return mutateBytes(bytes, random, other);
  }
};

const mutatePickle: Mutator = (bytes, random, other) => {
  const at = random.below(bytes.length + 1);
  switch (random.below(3)) {
    case 0:
      return spliced(bytes, at, at, operation(random));
    case 1:
      return spliced(bytes, at, Math.min(bytes.length, at + 1 + random.below(4)), operation(random));
    default:
      return mutateBytes(bytes, random, other);
  }
};

/** An operation of a pickle with its arguments, some of them nonsense. */
function operation(random: Random): Uint8Array {
  const code = random.pick(operations);
  const edge = random.pick(edges) % 2 ** 32;
  const word = [edge & 255, (edge >> 8) & 255, (edge >> 16) & 255, edge >>> 24];
  switch (code) {
    case 0x63: // GLOBAL
      return Buffer.from(`c${random.pick(names)}\n`);
    case 0x58: // BINUNICODE
    case 0x4a: // BININT
    case 0x72: // LONG_BINPUT
    case 0x6a: // LONG_BINGET
      return Uint8Array.of(code, ...word);
    case 0x8a: // LONG1
    case 0x4b: // BININT1
    case 0x71: // BINPUT
    case 0x68: // BINGET
      return Uint8Array.of(code, random.below(256));
    default:
      return new Uint8Array(1 + random.below(random.pick([1, 4, 64]))).fill(code);
  }
}

const names = [
  'builtins\nprint',
  'collections\nOrderedDict',
  'torch._utils\n_rebuild_tensor_v2',
  'torch._utils\n_rebuild_parameter',
  'torch\nFloatStorage',
  'torch\nLongStorage',
  '\u001b[2J\n__proto__',
];

/** Codes of all operations that the reader knows, and of some that it does not. */
const operations = [
  ...[0x80, 0x95, 0x28, 0x4e, 0x88, 0x89, 0x4b, 0x4d, 0x4a, 0x8a, 0x47, 0x58, 0x8c, 0x7d, 0x5d, 0x29, 0x85, 0x86],
  ...[0x87, 0x74, 0x73, 0x75, 0x61, 0x65, 0x71, 0x72, 0x94, 0x68, 0x6a, 0x63, 0x93, 0x52, 0x62, 0x51, 0x2e, 0x81, 0x30],
] as const;

import type { Random } from '../random.js';
import { mutateBytes, spliced } from './bytes.js';
import { edges, MAX_LENGTH, type Mutator } from './mutator.js';
import { withinZip } from './zip.js';

/**
 * Size of the argument of each operation of a pickle: a number of bytes; `line`: up to line feeds; `byte`,
 * `word`: as long as it states.
 */
const operands: Readonly<Record<string, number | 'lines' | 'byte' | 'word'>> = {
  ...{ '\x80': 1, K: 1, M: 2, J: 4, G: 8, q: 1, h: 1, r: 4, j: 4, '\x95': 8 },
  ...{ c: 'lines', '\x8a': 'byte', '\x8c': 'byte', X: 'word' },
};

const STOP = 0x2e;

/** Changes in the pickles and storages of a PyTorch file, of either format. */
export const mutateTorch: Mutator = (bytes, random, other) =>
  bytes[0] === 0x50 ? mutateArchive(bytes, random, other) : mutatePickles(bytes, random, other);

const mutateArchive = withinZip((name) => (name.endsWith('.pkl') ? mutatePickles : mutateBytes));

/** Changes in the operations of one or several pickles, after which anything may follow. */
function mutatePickles(bytes: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  const operations = operationsOf(bytes);
  if (operations.length === 0 || random.once(8)) return mutateBytes(bytes, random, other);
  const end = operations.reduce((sum, { length }) => sum + length, 0);
  const next = mutateOperations(operations, random, operationsOf(other));
  return spliced(Buffer.concat([...next, bytes.subarray(end)]).subarray(0, MAX_LENGTH), 0, 0, new Uint8Array());
}

function mutateOperations(
  operations: readonly Uint8Array[],
  random: Random,
  others: readonly Uint8Array[],
): readonly Uint8Array[] {
  const at = random.below(operations.length);
  const some = operations.slice(at, at + 1 + random.below(random.pick([1, 4, 40])));
  switch (random.below(8)) {
    case 0:
      return operations.toSpliced(at, some.length);
    case 1:
      return operations.toSpliced(random.below(operations.length), 0, ...some);
    case 2: {
      const many = Math.min(random.pick([2, 65, 1000, 20_000]), Math.ceil(MAX_LENGTH / sizeOf(some)));
      return operations.toSpliced(at, 0, ...Array.from({ length: many }, () => some).flat());
    }
    case 3:
      return operations.toSpliced(at, 0, ...Array.from({ length: 1 + random.below(4) }, () => anyOperation(random)));
    case 4:
      return operations.with(at, anyOperation(random));
    case 5: {
      const from = random.below(others.length + 1);
      return operations.toSpliced(at, some.length, ...others.slice(from, from + 1 + random.below(40)));
    }
    case 6:
      return operations.toSpliced(at, 0, Buffer.from(random.pick(hostile), 'latin1'));
    default:
      return withNumber(operations, random);
  }
}

/** Puts an extreme value in place of one of the numbers. */
function withNumber(operations: readonly Uint8Array[], random: Random): readonly Uint8Array[] {
  const numbers = operations.flatMap((operation, i) =>
    'KMJG'.includes(String.fromCharCode(operation[0]!)) ? [i] : [],
  );
  return numbers.length === 0 ? operations : operations.with(random.pick(numbers), number(random));
}

function number(random: Random): Uint8Array {
  const value = random.pick(edges);
  const bytes = Buffer.alloc(9);
  if (random.once(4)) {
    bytes.writeUInt8(0x8a); // LONG1
    bytes.writeUInt8(7, 1);
    bytes.writeUIntLE(value % 2 ** 48, 2, 6);
    return bytes;
  }
  bytes.write('J');
  bytes.writeInt32LE(value | 0, 1);
  return bytes.subarray(0, 5);
}

const texts = ['', 'a', '__proto__', '\x1b[2J', '\u202e', '0', 'x'.repeat(200), 'x'.repeat(2000)];
const names = [
  'collections\nOrderedDict\n',
  'torch._utils\n_rebuild_tensor_v2\n',
  'torch._utils\n_rebuild_parameter\n',
  'torch\nFloatStorage\n',
  'torch\nBoolStorage\n',
  'torch\nHalfStorage\n',
  'os\nsystem\n',
  '\x1b[2J\n\x00\n',
  `${'x'.repeat(5000)}\n${'y'.repeat(5000)}\n`,
];

/** Operations without an argument. */
const plain = [...Buffer.from('()N]}.RQbutaes\x85\x86\x87\x88\x89\x93\x94', 'latin1')];

/** An operation that pickles have, or may have, with an argument. */
function anyOperation(random: Random): Uint8Array {
  switch (random.below(6)) {
    case 0:
      return Buffer.from(`c${random.pick(names)}`, 'latin1');
    case 1: {
      const text = Buffer.from(random.pick(texts));
      const length = Buffer.alloc(4);
      length.writeUInt32LE(random.once(8) ? random.pick(edges) % 2 ** 32 : text.length);
      return Buffer.concat([Buffer.from('X'), length, text]);
    }
    case 2:
      return Buffer.from([random.pick([0x68, 0x71]), random.below(8)]); // BINGET, BINPUT
    case 3:
      return number(random);
    case 4:
      return Buffer.from([random.below(256)]);
    default:
      return Buffer.from([random.pick(plain)]);
  }
}

/** Nested lists: each holds the previous one twice, the first holds what is on top of the stack. */
function doubling(levels: number): string {
  const recall = (i: number): string => `h${String.fromCharCode(7 + i)}`;
  const lists = Array.from({ length: levels }, (_, i) => `]q${String.fromCharCode(8 + i)}(${recall(i)}${recall(i)}e`);
  return `q\x07${lists.join('')}`;
}

/** Operations that turn little into much, or have no end. */
const hostile = [
  ']q\x07h\x07a', // a list of itself
  ']q\x07(h\x07h\x07e',
  '}q\x07(h\x07h\x07u',
  `)${'\x85'.repeat(20_000)}`,
  '('.repeat(20_000),
  `]${doubling(40)}`,
  doubling(16), // made from what is on the stack
  `](${'NN\x86'.repeat(5000)}eq\x07${'ccollections\nOrderedDict\nh\x07\x85R'.repeat(1000)}`,
  `(${'K\x01'.repeat(20_000)}tq\x07${'h\x07'.repeat(5000)}`,
  `\x8a\xff${'\xff'.repeat(255)}`,
];

/** The operations of the pickles with which bytes begin. */
function operationsOf(bytes: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  let whole = 0;
  for (let at = 0; at < bytes.length;) {
    const operand = operands[String.fromCharCode(bytes[at]!)] ?? 0;
    const end = at + 1 + lengthOf(operand, bytes, at + 1);
    if (end > bytes.length) break;
    found.push(bytes.subarray(at, end));
    if (bytes[at] === STOP) {
      whole = found.length;
      if (bytes[end] !== 0x80) break;
    }
    at = end;
  }
  return found.slice(0, whole);
}

function lengthOf(operand: number | 'lines' | 'byte' | 'word', bytes: Uint8Array, at: number): number {
  if (typeof operand === 'number') return operand;
  if (operand === 'lines') {
    const first = bytes.indexOf(10, at);
    const second = first < 0 ? -1 : bytes.indexOf(10, first + 1);
    return second < 0 ? Infinity : second + 1 - at;
  }
  if (operand === 'byte') return 1 + (bytes[at] ?? Infinity);
  return at + 4 > bytes.length ? Infinity : 4 + new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0, true);
}

const sizeOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, { length }) => sum + length, 0);

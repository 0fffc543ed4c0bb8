import type { Random } from '../random.js';
import { mutateBytes } from './bytes.js';
import { edges, MAX_LENGTH, type Mutator } from './mutator.js';

const words = [
  ...[
    'version',
    'kind',
    'network',
    'classes',
    'training',
    'type',
    'shape',
    'interval',
    'width',
    'depth',
    'patch',
    'heads',
    'conditions',
    'dropout',
  ],
  ...['channels', 'blocks', 'groupSize', 'conditionWidth', 'mlp', 'dit', 'unet', 'velocity', 'flowMap', 'flowmap'],
  ...['dtype', 'data_offsets', 'F64', 'F32', 'F16', 'BF16', 'I32', 'U8', 'BOOL', '__metadata__', '__proto__'],
  ...['constructor', 'toString', 'length', 'step', 'seconds', 'run', 'runtime', 'config', 'loss', 'valueOf', 'toJSON'],
  ...['', '\u0000', '\u001b[2J', '\u202e', '\ud800', 'é', '💡', '../../x', 'x'.repeat(300)],
];

/** Changes in JSON text: values, keys, order and depth; if it is not JSON, in its bytes. */
export const mutateJson: Mutator = (bytes, random, other) => {
  if (random.once(6)) return mutateBytes(bytes, random, other);
  let text: string;
  try {
    text = JSON.stringify(changedValue(JSON.parse(Buffer.from(bytes).toString()), random, 0));
  } catch {
    return mutateBytes(bytes, random, other); // not JSON, or too deep to be written
  }
  return Buffer.from(random.once(8) ? changedText(text, random) : text).subarray(0, MAX_LENGTH);
};

/** Walks down to a random place and puts something else there. */
function changedValue(value: unknown, random: Random, depth: number): unknown {
  if (typeof value !== 'object' || value === null || random.once(depth === 0 ? 12 : 3)) return replaced(value, random);
  const entries = Object.entries(value as Record<string, unknown>);
  const at = random.below(entries.length + 1);
  if (at === entries.length) {
    entries.push([random.pick(words), anyValue(random)]);
  } else {
    const [key, child] = entries[at]!;
    switch (random.below(8)) {
      case 0:
        entries.splice(at, 1);
        break;
      case 1:
        entries[at] = [random.pick(words), child];
        break;
      case 2:
        entries.splice(random.below(entries.length), 0, [`${key}${random.below(3)}`, child]);
        break;
      default:
        entries[at] = [key, changedValue(child, random, depth + 1)];
    }
  }
  return Array.isArray(value) ? entries.map(([, child]) => child) : Object.fromEntries(entries);
}

function replaced(value: unknown, random: Random): unknown {
  if (typeof value === 'number' && !random.once(4)) {
    return random.pick([value + 1, value - 1, value * 2, -value, value + 0.5, value * 2 ** 20, random.pick(edges)]);
  }
  return random.once(6) ? [value, value] : anyValue(random);
}

function anyValue(random: Random): unknown {
  const many = random.pick([1, 2, 40, 2000]);
  return random.pick<() => unknown>([
    () => null,
    () => random.once(2),
    () => random.pick(edges),
    () => random.pick([-1, 0.5, 1e300, -0, 5e-324]),
    () => random.pick(words),
    () => [],
    () => ({}),
    () => Array.from({ length: many }, () => random.pick(edges)),
    () => Object.fromEntries(Array.from({ length: many }, (_, i) => [`${random.pick(words)}${i}`, random.pick(edges)])),
    () => ({ toString: 1, valueOf: 1, length: random.pick(edges) }),
  ])();
}

/** What no value can express: duplicate keys, great depth, odd numbers and white space. */
function changedText(text: string, random: Random): string {
  const depth = random.pick([10, 63, 64, 65, 10_000]);
  const [open, close] = random.pick([
    ['[', ']'],
    ['{"a":', '}'],
  ] as const);
  switch (random.below(5)) {
    case 0:
      return `${open.repeat(depth)}${text}${close.repeat(depth)}`;
    case 1:
      return text.replace(/("(?:[^"\\]|\\.)*"):/, '$1:0,$1:');
    case 2:
      return text.replace(/\d+/, random.pick(['1e999', '-0', '1e2', '01', '0x1', 'NaN', '9'.repeat(400)]));
    case 3:
      return text.replace(/[:,]/g, `$&${' '.repeat(random.below(30))}`);
    default:
      return `${random.pick(['\ufeff', ' ', '\u0000'])}${text}${random.pick(['', '\n', '{}', ','])}`;
  }
}

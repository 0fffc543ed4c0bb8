import { FileFault } from '../archives/file-fault.js';

/** A class or function that a pickle names. It is never looked up, let alone called. */
export interface PickledName {
  readonly module: string;
  readonly name: string;
}

/** What gives the objects of a pickle their meaning. */
export interface PickleRules {
  /** The value of calling a named function or class with these arguments; throws for all but the expected ones. */
  call(callee: PickledName, args: readonly unknown[]): unknown;
  /** The value of an object that is stored outside the pickle. */
  persistent(id: unknown): unknown;
}

/** A dictionary; keys may be of any type. */
export type PickledDict = Map<unknown, unknown>;

const MARK = Symbol('mark');

/**
 * Reads one pickle (protocols 2 to 4) without executing anything: of the operations of Python's pickle machine only
 * those that build numbers, texts, lists, tuples and dictionaries are known, and `rules` decides what a class or
 * function would return.
 *
 * @param bytes start at the pickle; more may follow
 * @returns its value (dictionaries as `Map`, tuples and lists as arrays) and its length in bytes
 * @throws {FileFault} for any other operation, and for bytes that end early or make no sense
 */
export function readPickle(bytes: Uint8Array, rules: PickleRules): { value: unknown; length: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: unknown[] = [];
  const memo = new Map<number, unknown>();
  let at = 0;

  /** Position of the next `count` bytes, which are then passed. */
  const take = (count: number): number => {
    if (!(count >= 0 && at + count <= bytes.length)) throw new FileFault('it is cut off');
    at += count;
    return at - count;
  };
  const byte = (): number => bytes[take(1)]!;
  const uint32 = (): number => view.getUint32(take(4), true);
  const text = (length: number): string => {
    const from = take(length);
    return new TextDecoder().decode(bytes.subarray(from, from + length));
  };
  const line = (): string => {
    const end = bytes.indexOf(10, at);
    if (end === -1) throw new FileFault('it is cut off');
    const value = text(end - at);
    at = end + 1;
    return value;
  };
  const pop = (): unknown => {
    if (stack.length === 0 || stack.at(-1) === MARK) throw new FileFault('an operation lacks its operands');
    return stack.pop();
  };
  const popMany = (count: number): unknown[] => Array.from({ length: count }, pop).reverse();
  const popToMark = (): unknown[] => {
    const mark = stack.lastIndexOf(MARK);
    if (mark === -1) throw new FileFault('an operation lacks its operands');
    const values = stack.splice(mark);
    return values.slice(1);
  };
  const top = <T>(type: new () => T): T => {
    const value = stack.at(-1);
    if (!(value instanceof type)) throw new FileFault('an operation has an operand of the wrong type');
    return value;
  };
  const setItems = (items: readonly unknown[]): void => {
    const dict: PickledDict = top(Map);
    if (items.length % 2 === 1) throw new FileFault('a dictionary has a key without a value');
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  };
  const append = (items: readonly unknown[]): void => {
    const list: unknown[] = top(Array);
    for (const item of items) list.push(item);
  };
  const remember = (index: number): void => {
    if (stack.length === 0) throw new FileFault('an operation lacks its operands');
    memo.set(index, stack.at(-1));
  };
  const recall = (index: number): void => {
    if (!memo.has(index)) throw new FileFault('it refers to an object that is not there');
    stack.push(memo.get(index));
  };
  const call = (): void => {
    const [callee, args] = popMany(2);
    if (!isName(callee) || !Array.isArray(args)) throw new FileFault('it calls something that is not a function');
    stack.push(rules.call(callee, args));
  };

  const operations: Readonly<Record<number, () => void>> = {
    0x80: () => void byte(), // PROTO
    0x95: () => void take(8), // FRAME
    0x28: () => stack.push(MARK), // MARK
    0x4e: () => stack.push(null), // NONE
    0x88: () => stack.push(true), // NEWTRUE
    0x89: () => stack.push(false), // NEWFALSE
    0x4b: () => stack.push(byte()), // BININT1
    0x4d: () => stack.push(view.getUint16(take(2), true)), // BININT2
    0x4a: () => stack.push(view.getInt32(take(4), true)), // BININT
    0x8a: () => stack.push(longAt(bytes, byte(), take)), // LONG1
    0x47: () => stack.push(view.getFloat64(take(8), false)), // BINFLOAT
    0x58: () => stack.push(text(uint32())), // BINUNICODE
    0x8c: () => stack.push(text(byte())), // SHORT_BINUNICODE
    0x7d: () => stack.push(new Map()), // EMPTY_DICT
    0x5d: () => stack.push([]), // EMPTY_LIST
    0x29: () => stack.push([]), // EMPTY_TUPLE
    0x85: () => stack.push(popMany(1)), // TUPLE1
    0x86: () => stack.push(popMany(2)), // TUPLE2
    0x87: () => stack.push(popMany(3)), // TUPLE3
    0x74: () => stack.push(popToMark()), // TUPLE
    0x73: () => setItems(popMany(2)), // SETITEM
    0x75: () => setItems(popToMark()), // SETITEMS
    0x61: () => append(popMany(1)), // APPEND
    0x65: () => append(popToMark()), // APPENDS
    0x71: () => remember(byte()), // BINPUT
    0x72: () => remember(uint32()), // LONG_BINPUT
    0x94: () => remember(memo.size), // MEMOIZE
    0x68: () => recall(byte()), // BINGET
    0x6a: () => recall(uint32()), // LONG_BINGET
    0x63: () => stack.push({ module: line(), name: line() }), // GLOBAL
    0x93: () => stack.push(nameOf(popMany(2))), // STACK_GLOBAL
    0x52: call, // REDUCE
    0x62: () => void pop(), // BUILD: attributes of an object, such as the versions in a state dictionary
    0x51: () => stack.push(rules.persistent(pop())), // BINPERSID
  };
  const STOP = 0x2e;
  for (let operation = byte(); operation !== STOP; operation = byte()) {
    const apply = operations[operation];
    if (apply === undefined) {
      throw new FileFault(`it has the operation 0x${operation.toString(16)}, which data do not need`);
    }
    apply();
  }
  return { value: pop(), length: at };
}

/** A whole number of any length, in little-endian two's complement. */
function longAt(bytes: Uint8Array, length: number, take: (count: number) => number): number | bigint {
  const from = take(length);
  const digits = bytes.subarray(from, from + length);
  const value = digits.reduceRight((sum, digit) => (sum << 8n) | BigInt(digit), 0n);
  const signed = BigInt.asIntN(8 * length, value);
  return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
}

function isName(value: unknown): value is PickledName {
  return typeof value === 'object' && value !== null && 'module' in value && 'name' in value;
}

function nameOf([module, name]: unknown[]): PickledName {
  if (typeof module === 'string' && typeof name === 'string') return { module, name };
  throw new FileFault('it names a function by something that is not text');
}

import { CheckpointError, ConfigError, quoted } from '@flowmap/core';
import { halfFromBits, hostTensor, requireKnownOptions, sizeOf, type HostTensor, type Shape } from '@flowmap/tensor';
import { FileFault } from '../archives/file-fault.js';
import { defaultMaxBytes } from '../archives/limits.js';
import { readZip, unpack } from '../archives/zip.js';
import { readPickle, type PickledDict, type PickleRules } from './pickle.js';

/** How much a file may ask for. */
export interface TorchFileLimits {
  /**
   * The most bytes that its archive may take when unpacked, and its tensors with their names; eight times the
   * file's size plus 16 MiB unless given.
   */
  readonly maxBytes?: number;
  /**
   * The most entries of its dictionaries and lists, where one that occurs in several places counts each time;
   * 2^20 unless given.
   */
  readonly maxValues?: number;
}

interface Storage {
  readonly type: string;
  readonly key: string;
  readonly count: number;
}

/** A tensor in the file: a view of a storage. */
interface View {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: Shape;
  readonly strides: readonly number[];
}

/** The most dictionaries and lists nested in one another. */
const MAX_NESTING = 64;

/** The most characters in a tensor's name. */
const MAX_NAME = 1000;

/** The most axes of a tensor. */
const MAX_RANK = 64;

/** Bytes that a tensor takes besides its values and its name. */
const OVERHEAD = 256;

/** Number of bytes of an element, by the class of its storage. */
const widths: Readonly<Record<string, number>> = {
  FloatStorage: 4,
  DoubleStorage: 8,
  HalfStorage: 2,
  BFloat16Storage: 2,
  LongStorage: 8,
  IntStorage: 4,
  ByteStorage: 1,
  BoolStorage: 1,
};

const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;

/**
 * Reads the tensors of a PyTorch file (`.pth`, `.pt`), as zip archives, which PyTorch writes since version 1.6, or in
 * the earlier format. Nothing in it is executed: it may hold tensors, numbers, texts, lists and dictionaries, and any
 * other class or function is refused by its name.
 *
 * @param bytes the whole file
 * @param source its name in error messages
 * @returns tensors by name, those of nested dictionaries as `outer.inner`; floating-point numbers of any width as
 *   float32, whole numbers as int32, booleans as bool. Values that are not tensors are left out.
 * @throws {CheckpointError} for bytes that are not such a file, are cut off, hold anything but tensors and plain data, or
 *   need more than `maxBytes` or `maxValues`, which its `limit` then names
 * @throws {ConfigError} for a limit that is not a number >= 1
 */
export function decodeTorchFile(
  bytes: Uint8Array,
  source: string,
  given: TorchFileLimits = {},
): Record<string, HostTensor> {
  requireKnownOptions('decodeTorchFile', given, { maxBytes: true, maxValues: true });
  const { maxBytes = defaultMaxBytes(bytes), maxValues = 2 ** 20 } = given;
  for (const [option, value] of Object.entries({ maxBytes, maxValues })) {
    if (!(value >= 1)) throw new ConfigError(`decodeTorchFile.${option}`, `wanted a number >= 1, got ${value}`);
  }
  try {
    const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b;
    const rules = rulesWithin(maxValues);
    const { root, storages } = isZip ? readArchive(bytes, maxBytes, rules) : readLegacy(bytes, rules);
    const views = collect(root, maxBytes, maxValues);
    const tensors = [...views].map(([name, view]) => [name, valuesOf(view, storages(view.storage), name)] as const);
    return Object.fromEntries(tensors);
  } catch (error) {
    if (!(error instanceof FileFault)) throw error;
    const { message, limit } = error;
    const options = limit === undefined ? {} : { limit };
    throw new CheckpointError(source, `no PyTorch file that can be read: ${message}`, options);
  }
}

interface Content {
  readonly root: unknown;
  /** Little-endian bytes of a storage. */
  readonly storages: (storage: Storage) => Uint8Array;
}

/** An archive with the pickle `data.pkl` and a file for each storage. */
function readArchive(bytes: Uint8Array, maxBytes: number, rules: PickleRules): Content {
  const files = readZip(bytes);
  const total = [...files.values()].reduce((sum, { size }) => sum + size, 0);
  if (total > maxBytes) throw tooLarge(`unpacked it has ${total} bytes`, maxBytes);
  const pickle = [...files.keys()].find((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined) throw new FileFault('the archive has no data.pkl');
  const folder = pickle.slice(0, -'data.pkl'.length);
  const order = files.get(`${folder}byteorder`);
  if (order !== undefined && new TextDecoder().decode(unpack(order, false)) !== 'little') {
    throw new FileFault('its numbers are big-endian');
  }
  const unpacked = new Map<string, Uint8Array>(); // read once, however many tensors share a storage
  return {
    root: readPickle(unpack(files.get(pickle)!, false), rules).value,
    storages: ({ key }) => {
      const entry = files.get(`${folder}data/${key}`);
      if (entry === undefined) throw new FileFault(`the archive lacks the storage ${quoted(key)}`);
      const data = unpacked.get(key) ?? unpack(entry, false);
      unpacked.set(key, data);
      return data;
    },
  };
}

/** Five pickles (magic number, version, system, content, keys of the storages), then each storage with its length. */
function readLegacy(bytes: Uint8Array, rules: PickleRules): Content {
  const named = new Map<string, Storage>();
  let at = 0;
  const next = (): unknown => {
    const { value, length } = readPickle(bytes.subarray(at), {
      ...rules,
      persistent(id) {
        const storage = rules.persistent(id) as Storage;
        named.set(storage.key, storage);
        return storage;
      },
    });
    at += length;
    return value;
  };
  if (next() !== LEGACY_MAGIC) throw new FileFault('it does not begin as one');
  const version = next();
  if (version !== 1001) throw new FileFault('it has another version than 1001');
  const system = next();
  if (system instanceof Map && system.get('little_endian') === false) throw new FileFault('its numbers are big-endian');
  const root = next();
  const keys = next();
  if (!Array.isArray(keys)) throw new FileFault('it has no list of storages');

  const found = new Map<string, Uint8Array>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const key of keys as unknown[]) {
    const storage = typeof key === 'string' ? named.get(key) : undefined;
    if (storage === undefined) throw new FileFault('it has a storage that nothing refers to');
    if (at + 8 > bytes.length || Number(view.getBigUint64(at, true)) !== storage.count) {
      throw new FileFault('it is cut off, or a storage has another length than its tensors say');
    }
    const size = storage.count * widths[storage.type]!;
    if (at + 8 + size > bytes.length) throw new FileFault('it is cut off');
    found.set(storage.key, bytes.subarray(at + 8, at + 8 + size));
    at += 8 + size;
  }
  return {
    root,
    storages: ({ key }) => {
      const data = found.get(key);
      if (data === undefined) throw new FileFault(`it lacks the storage ${quoted(key)}`);
      return data;
    },
  };
}

/**
 * The few functions that files of tensors call.
 *
 * @param maxItems the most items of dictionaries that are made from a list; the same list may be used many
 *   times
 */
function rulesWithin(maxItems: number): PickleRules {
  let left = maxItems;
  return {
    call({ module, name }, args) {
      const callee = `${module}.${name}`;
      switch (callee) {
        case 'collections.OrderedDict': {
          const [items = []] = args;
          if (!Array.isArray(items)) throw new FileFault('a dictionary is made from something that is not a list');
          left -= items.length;
          if (left < 0) throw tooMany(maxItems);
          return orderedDict(items);
        }
        case 'torch._utils._rebuild_tensor_v2':
          return viewOf(args);
        case 'torch._utils._rebuild_parameter':
          return args[0];
        default:
          throw new FileFault(`it calls ${quoted(callee)}, and only tensors and plain data are read`);
      }
    },
    persistent(id) {
      const [kind, type, key, , count] = Array.isArray(id) ? (id as unknown[]) : [];
      const { module, name } = (type ?? {}) as { module?: unknown; name?: unknown };
      const isKnown = module === 'torch' && typeof name === 'string' && Object.hasOwn(widths, name);
      if (kind !== 'storage' || !isKnown || typeof key !== 'string' || !isCount(count)) {
        const shown = typeof name === 'string' ? ` of the type ${quoted(name)}` : '';
        throw new FileFault(`it has a storage${shown}; the types that are read are ${Object.keys(widths).join(', ')}`);
      }
      return { type: name, key, count } satisfies Storage;
    },
  };
}

function orderedDict(items: readonly unknown[]): PickledDict {
  if (!items.every((item) => Array.isArray(item) && item.length === 2)) {
    throw new FileFault('a dictionary is made from items that are not pairs');
  }
  return new Map(items as [unknown, unknown][]);
}

function viewOf([storage, offset, shape, strides]: readonly unknown[]): View {
  const isView = isStorage(storage) && isCount(offset) && isCounts(shape) && isCounts(strides);
  if (!isView || shape.length !== strides.length) throw new FileFault('a tensor is not described as one');
  if (shape.includes(0)) throw new FileFault('a tensor is empty');
  return { storage, offset, shape, strides };
}

/** All tensors in nested dictionaries and lists, by name. */
function collect(root: unknown, maxBytes: number, maxValues: number): ReadonlyMap<string, View> {
  const views = new Map<string, View>();
  let left = maxValues;
  let bytes = 0;
  const visit = (value: unknown, name: string, depth: number): void => {
    const isList = Array.isArray(value);
    if (!isView(value) && !isList && !(value instanceof Map)) return;
    if (depth > MAX_NESTING) throw new FileFault(`its lists are nested more than ${MAX_NESTING} deep`);
    if (name.length > MAX_NAME) throw new FileFault(`the name ${quoted(name)} has more than ${MAX_NAME} characters`);
    if (isView(value)) {
      if (views.has(name)) throw new FileFault(`it has two tensors ${quoted(name)}`);
      bytes += OVERHEAD + 2 * name.length + 4 * sizeOf(value.shape);
      if (bytes > maxBytes) throw tooLarge('its tensors take more bytes', maxBytes);
      views.set(name, value);
      return;
    }
    for (const [key, item] of (value as PickledDict | unknown[]).entries()) {
      if (left-- === 0) throw tooMany(maxValues);
      if (isList || typeof key === 'string')
        visit(item, depth === 0 ? String(key) : `${name}.${key as string}`, depth + 1);
    }
  };
  visit(root, '', 0);
  return views;
}

function tooMany(maxValues: number): FileFault {
  return new FileFault(`it has more values than maxValues, ${maxValues}`, 'maxValues');
}

function tooLarge(fault: string, maxBytes: number): FileFault {
  return new FileFault(`${fault}, the limit maxBytes is ${maxBytes}`, 'maxBytes');
}

function valuesOf({ storage, offset, shape, strides }: View, bytes: Uint8Array, name: string): HostTensor {
  const size = sizeOf(shape);
  const last = shape.reduce((index, extent, axis) => index + (extent - 1) * strides[axis]!, offset);
  if (last >= storage.count || bytes.length < storage.count * widths[storage.type]!) {
    throw new FileFault(`the tensor ${quoted(name)} reaches beyond its storage`);
  }
  const read = readers[storage.type]!(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const index = new Array<number>(shape.length).fill(0);
  const values = new Float64Array(size);
  for (let i = 0, from = offset; i < size; i++) {
    values[i] = read(from);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  if (storage.type === 'BoolStorage')
    return hostTensor(
      shape,
      Uint8Array.from(values, (value) => (value === 0 ? 0 : 1)),
    );
  if (!/Long|Int|Byte/.test(storage.type)) return hostTensor(shape, Float32Array.from(values));
  if (values.some((value) => value !== (value | 0))) {
    throw new FileFault(`the tensor ${quoted(name)} has whole numbers that 32 bits do not hold`);
  }
  return hostTensor(shape, Int32Array.from(values));
}

const half = (view: DataView, dtype: 'float16' | 'bfloat16') => {
  const bits = new Uint16Array(1);
  return (i: number): number => {
    bits[0] = view.getUint16(2 * i, true);
    return halfFromBits(bits, dtype)[0]!;
  };
};

/** How an element is read, by the class of its storage. */
const readers: Readonly<Record<string, (view: DataView) => (i: number) => number>> = {
  FloatStorage: (view) => (i) => view.getFloat32(4 * i, true),
  DoubleStorage: (view) => (i) => view.getFloat64(8 * i, true),
  HalfStorage: (view) => half(view, 'float16'),
  BFloat16Storage: (view) => half(view, 'bfloat16'),
  LongStorage: (view) => (i) => Number(view.getBigInt64(8 * i, true)),
  IntStorage: (view) => (i) => view.getInt32(4 * i, true),
  ByteStorage: (view) => (i) => view.getUint8(i),
  BoolStorage: (view) => (i) => view.getUint8(i),
};

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length <= MAX_RANK && value.every(isCount);
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isStorage = (value: unknown): value is Storage => isObject(value) && 'key' in value && 'count' in value;
const isView = (value: unknown): value is View => isObject(value) && 'storage' in value && 'strides' in value;

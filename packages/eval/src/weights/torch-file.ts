import { CheckpointError, quoted } from '@flowmap/core';
import { halfFromBits, hostTensor, sizeOf, type HostTensor, type Shape } from '@flowmap/tensor';
import { unzipSync } from 'fflate';
import { PickleFault, readPickle, type PickledDict, type PickleRules } from './pickle.js';

/** How much a file may ask for. */
export interface TorchFileLimits {
  /** Most bytes that all of its values take; 8 GiB unless given. */
  readonly maxBytes?: number;
  /** Most dictionaries, lists and values in it; 2^20 unless given. */
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

/** Most dictionaries and lists inside one another. */
const MAX_NESTING = 64;

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
 * Reads the tensors of a PyTorch file (`.pth`, `.pt`), of the zip archives written since PyTorch 1.6 and the format
 * before. Nothing in it is executed: it may hold tensors, numbers, texts, lists and dictionaries, and any other class or
 * function is refused by its name.
 *
 * @param bytes the whole file
 * @param source its name in error messages
 * @returns tensors by name, those of nested dictionaries as `outer.inner`; floating-point numbers of any width as
 *   float32, whole numbers as int32, booleans as bool. Values that are no tensors are left out.
 * @throws {CheckpointError} for bytes that are not such a file, are cut off, need more than `maxBytes`, or hold anything
 *   but tensors and plain data
 */
export function decodeTorchFile(
  bytes: Uint8Array,
  source: string,
  { maxBytes = 2 ** 33, maxValues = 2 ** 20 }: TorchFileLimits = {},
): Record<string, HostTensor> {
  try {
    const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b;
    const { root, storages } = isZip ? readArchive(bytes, maxBytes) : readLegacy(bytes, maxBytes);
    const views = collect(root, maxValues);
    const total = views.reduce((bytes, [, { shape }]) => bytes + 4 * sizeOf(shape), 0);
    if (total > maxBytes) throw new PickleFault(`its tensors take more than maxBytes, ${maxBytes}`);
    const tensors = views.map(([name, view]) => [name, valuesOf(view, storages(view.storage), name)] as const);
    return Object.fromEntries(tensors);
  } catch (error) {
    if (!(error instanceof PickleFault)) throw error;
    throw new CheckpointError(source, `no PyTorch file that can be read: ${error.message}`);
  }
}

interface Content {
  readonly root: unknown;
  /** Little-endian bytes of a storage. */
  readonly storages: (storage: Storage) => Uint8Array;
}

/** An archive with the pickle `data.pkl` and a file for each storage. */
function readArchive(bytes: Uint8Array, maxBytes: number): Content {
  const files = unzip(bytes, maxBytes);
  const pickle = Object.keys(files).find((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined) throw new PickleFault('the archive has no data.pkl');
  const folder = pickle.slice(0, -'data.pkl'.length);
  const order = files[`${folder}byteorder`];
  if (order !== undefined && new TextDecoder().decode(order) !== 'little') {
    throw new PickleFault('its numbers are big-endian');
  }
  return {
    root: readPickle(files[pickle]!, rules).value,
    storages: ({ key }) => {
      const data = files[`${folder}data/${key}`];
      if (data === undefined) throw new PickleFault(`the archive lacks the storage ${quoted(key)}`);
      return data;
    },
  };
}

function unzip(bytes: Uint8Array, maxBytes: number): Readonly<Record<string, Uint8Array>> {
  let total = 0;
  try {
    return unzipSync(bytes, {
      filter({ originalSize }) {
        total += originalSize;
        if (total > maxBytes) throw new PickleFault(`it becomes more than maxBytes, ${maxBytes}, when unpacked`);
        return true;
      },
    });
  } catch (error) {
    if (error instanceof PickleFault) throw error;
    throw new PickleFault('the archive is damaged or cut off');
  }
}

/** Five pickles (magic number, version, system, content, keys of the storages), then each storage with its length. */
function readLegacy(bytes: Uint8Array, maxBytes: number): Content {
  if (bytes.length > maxBytes) throw new PickleFault(`it has more than maxBytes, ${maxBytes}`);
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
  if (next() !== LEGACY_MAGIC) throw new PickleFault('it does not begin as one');
  const version = next();
  if (version !== 1001) throw new PickleFault('it has another version than 1001');
  next();
  const root = next();
  const keys = next();
  if (!Array.isArray(keys)) throw new PickleFault('it has no list of storages');

  const found = new Map<string, Uint8Array>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const key of keys as unknown[]) {
    const storage = named.get(String(key));
    if (storage === undefined) throw new PickleFault('it has a storage that nothing refers to');
    if (at + 8 > bytes.length || Number(view.getBigUint64(at, true)) !== storage.count) {
      throw new PickleFault('it is cut off, or a storage has another length than its tensors say');
    }
    const size = storage.count * widths[storage.type]!;
    found.set(storage.key, bytes.subarray(at + 8, at + 8 + size));
    at += 8 + size;
  }
  return {
    root,
    storages: ({ key }) => {
      const data = found.get(key);
      if (data === undefined) throw new PickleFault(`it lacks the storage ${quoted(key)}`);
      return data;
    },
  };
}

/** The few functions that files of tensors call. */
const rules: PickleRules = {
  call({ module, name }, args) {
    switch (`${module}.${name}`) {
      case 'collections.OrderedDict':
        return orderedDict(args);
      case 'torch._utils._rebuild_tensor_v2':
        return viewOf(args);
      case 'torch._utils._rebuild_parameter':
        return args[0];
      default:
        throw new PickleFault(`it calls ${quoted(`${module}.${name}`)}, and only tensors and plain data are read`);
    }
  },
  persistent(id) {
    const [kind, type, key, , count] = Array.isArray(id) ? (id as unknown[]) : [];
    const { module, name } = (type ?? {}) as { module?: unknown; name?: unknown };
    const isKnown = module === 'torch' && typeof name === 'string' && Object.hasOwn(widths, name);
    if (kind !== 'storage' || !isKnown || typeof key !== 'string' || !isCount(count)) {
      const shown = typeof name === 'string' ? ` of the type ${quoted(name)}` : '';
      throw new PickleFault(`it has a storage${shown}; the types that are read are ${Object.keys(widths).join(', ')}`);
    }
    return { type: name, key, count } satisfies Storage;
  },
};

function orderedDict([items = []]: readonly unknown[]): PickledDict {
  if (!Array.isArray(items) || !items.every((item) => Array.isArray(item) && item.length === 2)) {
    throw new PickleFault('a dictionary is made of what are no pairs');
  }
  return new Map(items as [unknown, unknown][]);
}

function viewOf([storage, offset, shape, strides]: readonly unknown[]): View {
  const isView = isStorage(storage) && isCount(offset) && isCounts(shape) && isCounts(strides);
  if (!isView || shape.length !== strides.length) throw new PickleFault('a tensor is not described as one');
  return { storage, offset, shape, strides };
}

/** All tensors in nested dictionaries and lists, by name. */
function collect(root: unknown, maxValues: number): [name: string, view: View][] {
  const views: [string, View][] = [];
  let left = maxValues;
  const visit = (value: unknown, path: readonly string[]): void => {
    if (left-- === 0) throw new PickleFault(`it has more values than maxValues, ${maxValues}`);
    if (path.length > MAX_NESTING) throw new PickleFault(`its lists are nested more than ${MAX_NESTING} deep`);
    if (isView(value)) views.push([path.join('.'), value]);
    else if (value instanceof Map) {
      for (const [key, item] of value as PickledDict) if (typeof key === 'string') visit(item, [...path, key]);
    } else if (Array.isArray(value)) value.forEach((item, i) => visit(item, [...path, String(i)]));
  };
  visit(root, []);
  return views;
}

function valuesOf({ storage, offset, shape, strides }: View, bytes: Uint8Array, name: string): HostTensor {
  const size = sizeOf(shape);
  const last = shape.reduce((index, extent, axis) => index + (extent - 1) * strides[axis]!, offset);
  if (size === 0 || last >= storage.count || bytes.length < storage.count * widths[storage.type]!) {
    throw new PickleFault(`the tensor ${quoted(name)} is empty, or reaches beyond its storage`);
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
    throw new PickleFault(`the tensor ${quoted(name)} has whole numbers that 32 bits do not hold`);
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
const isCounts = (value: unknown): value is number[] => Array.isArray(value) && value.every(isCount);
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isStorage = (value: unknown): value is Storage => isObject(value) && 'key' in value && 'count' in value;
const isView = (value: unknown): value is View => isObject(value) && 'storage' in value && 'strides' in value;

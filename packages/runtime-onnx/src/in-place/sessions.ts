import { UnsupportedError } from '@flowmap/tensor';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { ExternalConstant } from '../encode-model.js';
import type { CreateSession, Session } from '../session.js';
import type { CApi } from './c-api.js';
import type { Pointer } from './koffi.js';

const LEVEL_WARNING = 2;
const ALL_OPTIMIZATIONS = 99;
const ARENA = 1;
const DEFAULT_MEMORY = 0;
const elementTypes: Readonly<Partial<Record<OrtTensor.Type, number>>> = { float32: 1, int32: 6, bool: 9, float16: 10 };

/** Options of {@link inPlaceSessions}. */
export interface InPlaceOptions {
  /**
   * Limit in bytes on what programs compute besides state, inputs and results, for all sessions of the process; none
   * unless given.
   */
  readonly memoryLimit?: number | undefined;
  /** Whether JavaScript continues while a session runs; true unless given. */
  readonly offThread?: boolean | undefined;
}

/**
 * CPU sessions that compute in the arrays they are given, through onnxruntime's C API. A run is one call: tensors are
 * wrapped, not copied, and held until it has returned. Denormal numbers are treated as zero if that can be set on all
 * threads, including the caller's.
 *
 * @throws {UnsupportedError} for a limit other than the one the process already has
 */
export function inPlaceSessions(api: CApi, { memoryLimit, offThread = true }: InPlaceOptions = {}): CreateSession {
  const environment = api.create('CreateEnv', LEVEL_WARNING, 'flowmap');
  const memory = api.create('CreateCpuMemoryInfo', ARENA, DEFAULT_MEMORY);
  if (memoryLimit !== undefined) limitMemory(api, environment, memory, memoryLimit);
  const makeRun = offThread ? api.run.beside : api.run.here;
  const flushing = api.flushingDenormals ?? ((compute) => compute());
  const releaseSession = (session: Pointer): void => {
    api.call('ReleaseSession', session);
  };
  const abandoned = new FinalizationRegistry(releaseSession);

  return (model, options) => {
    const session = flushing(() => createSession(api, environment, model, options, memoryLimit !== undefined));
    const handle: Session = {
      inPlace: true,
      run: async (feeds, results = {}) => {
        const tensors = [...Object.values(feeds), ...Object.values(results)];
        const values = tensors.map((tensor) => wrap(api, memory, tensor));
        const [inputs, outputs] = [Object.keys(feeds), Object.keys(results)];
        const inputNames = cStrings(api, inputs);
        const outputNames = cStrings(api, outputs);
        const pointers = BigUint64Array.from(values);
        const inputValues = api.addressOf(pointers);
        const args = [
          ...[session, null, inputNames.address, inputValues, inputs.length],
          ...[outputNames.address, outputs.length, inputValues + BigInt(pointers.BYTES_PER_ELEMENT * inputs.length)],
        ];
        try {
          api.check(await makeRun({ args, memory: [handle, tensors, inputNames, outputNames, pointers] }));
        } finally {
          for (const value of values) api.call('ReleaseValue', value);
        }
        return results;
      },
      release: () => {
        abandoned.unregister(handle);
        releaseSession(session);
      },
    };
    abandoned.register(handle, session, handle);
    return handle;
  };
}

function createSession(
  api: CApi,
  environment: Pointer,
  model: Uint8Array,
  options: InferenceSession.SessionOptions,
  isLimited: boolean,
): Pointer {
  const { intraOpNumThreads, profileFilePrefix, extra = {}, externalData = [] } = options;
  const native = api.create('CreateSessionOptions');
  try {
    api.call('SetSessionGraphOptimizationLevel', native, ALL_OPTIMIZATIONS);
    api.call('DisableMemPattern', native);
    if (intraOpNumThreads !== undefined) api.call('SetIntraOpNumThreads', native, intraOpNumThreads);
    if (profileFilePrefix !== undefined) api.call('EnableProfiling', native, profileFilePrefix);
    for (const [group, entries] of Object.entries(extra)) {
      for (const [key, value] of Object.entries(entries as Record<string, string>)) {
        api.call('AddSessionConfigEntry', native, `${group}.${key}`, value);
      }
    }
    // For the session's threads. The first session of a process also sets it for the thread that creates the session,
    // permanently.
    if (api.flushingDenormals) api.call('AddSessionConfigEntry', native, 'session.set_denormal_as_zero', '1');
    if (isLimited) api.call('AddSessionConfigEntry', native, 'session.use_env_allocators', '1');
    if (externalData.length > 0) addExternal(api, native, externalData as readonly ExternalConstant[]);
    return api.create('CreateSessionFromArray', environment, model, model.byteLength, native);
  } finally {
    api.call('ReleaseSessionOptions', native);
  }
}

/** Passes the external constants of a model. onnxruntime copies them while the session is created. */
function addExternal(api: CApi, options: Pointer, constants: readonly ExternalConstant[]): void {
  const paths = constants.map(({ path }) => path);
  const addresses = constants.map(({ data }) => api.addressOf(data));
  const lengths = constants.map(({ data }) => BigInt(data.byteLength));
  api.call('AddExternalInitializersFromFilesInMemory', options, paths, addresses, lengths, constants.length);
}

let limit: number | undefined;

/** Gives the process an arena of limited size that sessions can share. */
function limitMemory(api: CApi, environment: Pointer, memory: Pointer, bytes: number): void {
  if (limit === bytes) return;
  if (limit !== undefined) {
    throw new UnsupportedError('onnx', `a memory limit of ${bytes} bytes`, `this process has one of ${limit} bytes`);
  }
  const SAME_AS_REQUESTED = 1n;
  const settings = ['max_mem', 'arena_extend_strategy'];
  const arena = api.create('CreateArenaCfgV2', settings, [BigInt(bytes), SAME_AS_REQUESTED], settings.length);
  try {
    api.call('CreateAndRegisterAllocator', environment, memory, arena);
  } finally {
    api.call('ReleaseArenaCfg', arena);
  }
  limit = bytes;
}

/** The address of an array of C strings, valid for the lifetime of `memory`. */
function cStrings(api: CApi, strings: readonly string[]): { readonly address: Pointer; readonly memory: unknown } {
  const encoder = new TextEncoder();
  const bytes = strings.map((string) => encoder.encode(`${string}\0`));
  const pointers = BigUint64Array.from(bytes, api.addressOf);
  return { address: api.addressOf(pointers), memory: [bytes, pointers] };
}

/** An onnxruntime value that uses the memory of a tensor's JavaScript array in place. */
function wrap(api: CApi, memory: Pointer, { type, data, dims }: OrtTensor): Pointer {
  const array = data as Float32Array;
  const shape = BigInt64Array.from(dims, BigInt);
  const [address, bytes] = [api.addressOf(array), array.byteLength];
  return api.create('CreateTensorWithDataAsOrtValue', memory, address, bytes, shape, shape.length, elementTypes[type]);
}

import { denormalFlushing, type FlushingDenormals } from './denormals.js';
import type { Koffi, Pointer } from './koffi.js';
import { runThread, type MakeRun, type RunCall } from './run-thread.js';

type Call = (...args: unknown[]) => unknown;

/**
 * The functions of onnxruntime's C API that this package calls: their position in the table `OrtApi`, to which releases
 * only ever append, the return type, and the parameters. Functions that create something write its address to their
 * last parameter.
 */
const table = {
  GetErrorMessage: [2, 'str', ['void *']],
  CreateEnv: [3, 'void *', ['int', 'str', '_Out_ void **']],
  CreateSessionFromArray: [8, 'void *', ['void *', 'void *', 'size_t', 'void *', '_Out_ void **']],
  Run: [9, 'void *', ['void *', 'void *', 'void *', 'void *', 'size_t', 'void *', 'size_t', 'void *']],
  CreateSessionOptions: [10, 'void *', ['_Out_ void **']],
  EnableProfiling: [14, 'void *', ['void *', 'path']],
  DisableMemPattern: [17, 'void *', ['void *']],
  SetSessionGraphOptimizationLevel: [23, 'void *', ['void *', 'int']],
  SetIntraOpNumThreads: [24, 'void *', ['void *', 'int']],
  CreateTensorWithDataAsOrtValue: [
    49,
    'void *',
    ['void *', 'void *', 'size_t', 'int64_t *', 'size_t', 'int', '_Out_ void **'],
  ],
  CreateCpuMemoryInfo: [69, 'void *', ['int', 'int', '_Out_ void **']],
  ReleaseStatus: [93, 'void', ['void *']],
  ReleaseSession: [95, 'void', ['void *']],
  ReleaseValue: [96, 'void', ['void *']],
  ReleaseSessionOptions: [100, 'void', ['void *']],
  AddSessionConfigEntry: [130, 'void *', ['void *', 'str', 'str']],
  CreateAndRegisterAllocator: [144, 'void *', ['void *', 'void *', 'void *']],
  ReleaseArenaCfg: [157, 'void', ['void *']],
  CreateArenaCfgV2: [164, 'void *', ['str *', 'size_t *', 'size_t', '_Out_ void **']],
  AddExternalInitializersFromFilesInMemory: [279, 'void *', ['void *', 'path *', 'void **', 'size_t *', 'size_t']],
} as const;

type Name = keyof typeof table;

/** Version of the C API: that of onnxruntime 1.22, whose table has all of these functions. */
const apiVersion = 22;

/** onnxruntime's C API. */
export interface CApi {
  /** Calls a function. A status other than success is thrown as an `Error` with onnxruntime's message. */
  readonly call: (name: Name, ...args: readonly unknown[]) => void;
  /** Calls a function that creates something, and returns its address. */
  readonly create: (name: Name, ...args: readonly unknown[]) => Pointer;
  /**
   * Calls `Run` on JavaScript's thread, or on one beside it, which makes one call after another. Denormal numbers are
   * treated as zero if that can be set.
   */
  readonly run: { readonly here: MakeRun; readonly beside: MakeRun };
  /** Throws a status other than success as an `Error` with onnxruntime's message, and releases it. */
  readonly check: (status: Pointer | null | undefined) => void;
  /** Calls a function while this thread treats denormal numbers as zero; undefined if that cannot be set. */
  readonly flushingDenormals: FlushingDenormals | undefined;
  /** Address of an array's elements, valid for the lifetime of the array. */
  readonly addressOf: (array: ArrayBufferView) => Pointer;
}

/**
 * The C API of onnxruntime's shared library.
 *
 * @param path path of the library
 * @throws {Error} when the library does not load, or is too old
 */
export function openCApi(koffi: Koffi, path: string): CApi {
  const base = koffi.load(path).func('OrtGetApiBase', 'void *', [])() as Pointer;
  const api = functionAt(koffi, base, 0, 'void *', ['uint32_t'])(apiVersion) as Pointer | null;
  if (api === null) throw new Error(`${path} is older than version ${apiVersion} of onnxruntime's C API`);

  const functions = {} as Record<Name, Call>;
  for (const [name, [position, result, parameters]] of Object.entries(table)) {
    functions[name as Name] = functionAt(koffi, api, position, result, parameters);
  }
  const check: CApi['check'] = (status) => {
    if (status === null || status === undefined) return;
    const message = functions.GetErrorMessage(status) as string;
    functions.ReleaseStatus(status);
    throw new Error(message);
  };
  const call: CApi['call'] = (name, ...args) => check(functions[name](...args) as Pointer | null | undefined);
  const denormals = denormalFlushing(koffi);
  const runHere = ({ args }: RunCall): Pointer | null => {
    const run = (): Pointer | null => functions.Run(...args) as Pointer | null;
    return denormals ? denormals.flushing(run) : run();
  };
  const [position, , parameters] = table.Run;
  const runBeside = runThread({
    run: addressAt(koffi, api, position),
    parameters,
    environment: denormals?.environment,
    otherwise: runHere,
  });
  return {
    call,
    check,
    run: { here: runHere, beside: runBeside },
    create: (name, ...args) => {
      const created: Pointer[] = [0n];
      call(name, ...args, created);
      return created[0]!;
    },
    flushingDenormals: denormals?.flushing,
    addressOf: (array) => koffi.address(array),
  };
}

/** The function at a position in a table of functions. */
function functionAt(
  koffi: Koffi,
  functions: Pointer,
  position: number,
  result: string,
  parameters: readonly string[],
): Call {
  const path = globalThis.process.platform === 'win32' ? 'str16' : 'str';
  const types = parameters.map((parameter) => parameter.replace('path', path));
  return koffi.decode(addressAt(koffi, functions, position), koffi.proto(result, types)) as Call;
}

function addressAt(koffi: Koffi, functions: Pointer, position: number): Pointer {
  return koffi.decode(functions, position * koffi.sizeof('void *'), 'void *') as Pointer;
}

import { UnsupportedError, type Executable, type Program, type Runtime } from '@flowmap/tensor';
import type { InferenceSession } from 'onnxruntime-node';
import { executable } from './executable.js';
import { loadOrt } from './load-ort.js';
import { toOnnx } from './to-onnx.js';

/** Where and how onnxruntime runs. */
export interface OnnxRuntimeOptions {
  /** Where programs run. `auto`, the default, takes the fastest device that this package supports here: the CPU. */
  readonly device?: 'auto' | 'cpu';
  /** Threads of one operator, a whole number >= 1; one per physical core unless given. */
  readonly threads?: number;
  /** Path prefix of onnxruntime's own profile, a JSON file per program, complete once its executable is disposed of. */
  readonly profile?: string;
}

/**
 * Opens onnxruntime as a runtime for programs, in float32. Results are bit-identical from run to run for an equal number of
 * threads on one machine.
 *
 * @throws {RuntimeUnavailableError} when onnxruntime cannot be loaded; the message says how to install it
 * @throws {UnsupportedError} for a device or a number of threads that there cannot be
 *
 * @example
 * const runtime = await onnxRuntime({ threads: 2 });
 */
export async function onnxRuntime(options: OnnxRuntimeOptions = {}): Promise<Runtime> {
  const { device = 'auto', threads } = options;
  if (!['auto', 'cpu'].includes(device)) {
    throw new UnsupportedError('onnx', `device '${device}'`, "choose 'auto' or 'cpu'");
  }
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    throw new UnsupportedError('onnx', `${String(threads)} threads`, 'give a whole number >= 1');
  }
  const ort = await loadOrt();
  return {
    name: 'onnx (cpu)',
    precision: 'float32',
    async compile(program: Program): Promise<Executable> {
      const session = await ort.InferenceSession.create(toOnnx(program), sessionOptions(options));
      return executable(ort, session, program);
    },
  };
}

function sessionOptions({ threads, profile }: OnnxRuntimeOptions): InferenceSession.SessionOptions {
  return {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    // A memory pattern plans one block for all of a run: no faster for these graphs, and almost twice the memory.
    enableMemPattern: false,
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
  };
}

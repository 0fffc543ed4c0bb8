import {
  checkDTypes,
  unroll,
  unrolledSignature,
  type CompileOptions,
  type Executable,
  type Program,
  type Runtime,
} from '@flowmap/tensor';
import { openChosen } from './choose-device.js';
import { deviceFailure } from './device-failure.js';
import type { Device } from './devices.js';
import type { ExternalConstant } from './encode-model.js';
import { compiled, executables } from './executable.js';
import { dtypesOf } from './dtypes.js';
import { factsOf } from './facts.js';
import { cpuRules, standardRules } from './lowering/table.js';
import { webgpuRules } from './lowering/webgpu.js';
import { scanModel } from './scan-model.js';
import { sessionOptions } from './session-options.js';
import { modelOf } from './to-onnx.js';

/** Where and how onnxruntime runs. */
export interface OnnxRuntimeOptions {
  /**
   * Where programs run; the runtime's name tells: `onnx (webgpu)`.
   *
   * - `cpu`;
   * - `webgpu`: a GPU of any maker. State and results stay in its memory until they are read;
   * - `cuda`: an NVIDIA GPU, where onnxruntime's provider is installed. It keeps nothing on the device: every run carries
   *   inputs, state and results over the bus;
   * - `auto`, the default: the first of `cuda`, `webgpu` on a GPU and `cpu` that works here.
   *
   * In a browser there are `cpu`, which is WebAssembly, and `webgpu`.
   */
  readonly device?: 'auto' | Device;
  /**
   * Threads of one operator on the CPU, a whole number >= 1; one per physical core unless given.
   *
   * In a browser there is one, unless the page is cross-origin isolated: then half the logical cores, at most 4, unless given.
   * The first runtime of a page on the CPU decides for all of them; on `webgpu` there is one thread unless given.
   */
  readonly threads?: number;
  /**
   * In a browser: address of the folder that onnxruntime-web's `.wasm` and `.mjs` files are served from, with its final slash,
   * absolute or relative to the page. Without it a bundler finds them. Without effect in Node.
   */
  readonly wasmPaths?: string;
  /**
   * The most memory, in bytes, that programs on the CPU take for what they compute, besides their state, inputs and results; no
   * limit unless given. It is that of the process: the first runtime with one decides. Only with `device: 'cpu'` in Node, and
   * with the package `koffi` installed.
   */
  readonly memoryLimit?: number;
  /**
   * Path prefix of onnxruntime's own profile, a JSON file per program, complete once its executable is disposed of. Not in a
   * browser.
   */
  readonly profile?: string;
}

/**
 * Opens onnxruntime as a runtime for programs, in float32. Results on the CPU are bit-identical from run to run for an equal
 * number of threads on one machine.
 *
 * @throws {RuntimeUnavailableError} when onnxruntime cannot be loaded, or the provider of the device is missing or does not
 *   start; the message says how to get it. A device that fails later rejects `compile` or `run` with it
 * @throws {ConfigError} for a number of threads or a memory limit that is not a whole number >= 1
 * @throws {UnsupportedError} for a device that it does not know, and for a setting that the device does not have
 *
 * @example
 * const runtime = await onnxRuntime({ device: 'cpu', threads: 2 });
 */
export async function onnxRuntime(options: OnnxRuntimeOptions = {}): Promise<Runtime> {
  const opened = await openChosen(options);
  const { ort, device, memory, createSession, channelBlock, takesExternal = false, flushesDenormals = false } = opened;
  const executable = executables(opened);
  const rules = { cpu: cpuRules(channelBlock), webgpu: webgpuRules, cuda: standardRules }[device];
  const traits = { name: `onnx (${device})`, precision: 'float32', dtypes: await dtypesOf(ort, device) } as const;
  return {
    ...traits,
    facts: factsOf(opened, options),
    flushesDenormals,
    async compile(program: Program, { stepsPerRun = 1, sharing }: CompileOptions = {}): Promise<Executable> {
      checkDTypes(traits, program);
      const signature = unrolledSignature(program, stepsPerRun);
      return executable(signature, sharing, async () => {
        // The provider of WebGPU has no Scan; the CPU would run it, and carry every step's state over the bus.
        const canScan = device !== 'webgpu' && stepsPerRun > 1 && Object.keys(program.inputs).length > 0;
        // What the body of a Scan holds cannot be external.
        const external: ExternalConstant[] | undefined = takesExternal && !canScan ? [] : undefined;
        const model = canScan
          ? scanModel(program, rules, stepsPerRun)
          : modelOf(unroll(program, stepsPerRun), rules, external);
        try {
          const settings = sessionOptions(device, memory.location, options);
          const session = await createSession(
            model,
            external?.length ? { ...settings, externalData: external } : settings,
          );
          return compiled(session, opened, signature);
        } catch (cause) {
          throw deviceFailure(device, `compiling program '${program.name}'`, cause);
        }
      });
    },
  };
}

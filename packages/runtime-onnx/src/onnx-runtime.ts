import {
  checkDTypes,
  requireKnownOptions,
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
   * Where programs run, as shown by the runtime's name: `onnx (webgpu)`.
   *
   * - `cpu`;
   * - `webgpu`: a GPU of any make. State and results stay in its memory until they are read;
   * - `cuda`: an NVIDIA GPU, if onnxruntime's provider is installed. It keeps nothing on the device: every run carries
   *   inputs, state and results over the bus;
   * - `auto`, the default: the first of `cuda`, `webgpu` on a GPU and `cpu` that works here.
   *
   * In a browser the devices are `cpu`, which is WebAssembly, and `webgpu`.
   */
  readonly device?: 'auto' | Device;
  /**
   * Threads per operator on the CPU, a whole number >= 1; one per physical core unless given.
   *
   * In a browser there is one, unless the page is cross-origin isolated: then half the logical cores, at most 4, unless
   * given. A page's first runtime on the CPU decides for all of them; on `webgpu` there is one thread unless given.
   */
  readonly threads?: number;
  /**
   * In a browser: address of the folder that serves onnxruntime-web's `.wasm` and `.mjs` files, with a final slash,
   * absolute or relative to the page. Without it a bundler finds them. No effect in Node.
   */
  readonly wasmPaths?: string;
  /**
   * The most memory, in bytes, that programs on the CPU may take for what they compute besides their state, inputs and
   * results; no limit unless given. It applies to the whole process: the first runtime with a limit decides. Only with
   * `device: 'cpu'` in Node, and with the package `koffi` installed.
   */
  readonly memoryLimit?: number;
  /**
   * Whether JavaScript continues while a program runs on the CPU, with the same results. True unless given, if that is
   * possible: in Node, with the package `koffi` installed. Elsewhere, and with `false`, JavaScript is blocked until the
   * run has ended.
   */
  readonly offThread?: boolean;
  /**
   * Path prefix of onnxruntime's own profile, a JSON file per program, complete once its executable is disposed of. Not
   * available in a browser.
   */
  readonly profile?: string;
}

/**
 * Opens onnxruntime as a runtime for programs, in float32. Results on the CPU are bit-identical from run to run with
 * the same number of threads on the same machine.
 *
 * @throws {RuntimeUnavailableError} when onnxruntime cannot be loaded, or the provider of the device is missing or does
 *   not start; the message says how to make it work. If a device fails later, `compile` or `run` rejects with it
 * @throws {ConfigError} for an unknown option, a number of threads or a memory limit that is not a whole number >= 1
 * @throws {UnsupportedError} for an unknown device, and for a setting that the device does not have
 *
 * @example
 * const runtime = await onnxRuntime({ device: 'cpu', threads: 2 });
 */
export async function onnxRuntime(options: OnnxRuntimeOptions = {}): Promise<Runtime> {
  requireKnownOptions('onnxRuntime', options, {
    device: true,
    threads: true,
    wasmPaths: true,
    memoryLimit: true,
    offThread: true,
    profile: true,
  });
  const opened = await openChosen(options);
  const { ort, device, memory, createSession, channelBlock, takesExternal = false, flushesDenormals = false } = opened;
  const executable = executables(opened);
  const rules = { cpu: cpuRules(channelBlock), webgpu: webgpuRules, cuda: standardRules }[device];
  const traits = { name: `onnx (${device})`, precision: 'float32', dtypes: await dtypesOf(ort, device) } as const;
  return {
    ...traits,
    facts: factsOf(opened, options),
    flushesDenormals,
    async compile(program: Program, given: CompileOptions = {}): Promise<Executable> {
      requireKnownOptions('compile', given, { stepsPerRun: true, sharing: true });
      const { stepsPerRun = 1, sharing } = given;
      checkDTypes(traits, program);
      const signature = unrolledSignature(program, stepsPerRun);
      return executable(signature, sharing, async () => {
        // The WebGPU provider has no Scan; the CPU would run it and carry every step's state over the bus.
        const canScan = device !== 'webgpu' && stepsPerRun > 1 && Object.keys(program.inputs).length > 0;
        // Constants in the body of a Scan cannot be external.
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

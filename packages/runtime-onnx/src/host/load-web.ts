import { RuntimeUnavailableError, UnsupportedError } from '@flowmap/tensor';
import type { Ort } from '../load-ort.js';
import type { GpuDevice } from './gpu.js';
import type { DeviceSettings } from './host.js';
import { oneAtATime } from './one-at-a-time.js';
import { page } from './page.js';

/** onnxruntime-web: the part that the rest of the package uses, and the GPU it computes on once started. */
export interface WebOrt extends Ort {
  readonly webgpuDevice: () => Promise<GpuDevice>;
}

/**
 * The builds of onnxruntime-web, smallest first: for the CPU alone; with WebGPU for browsers that can suspend
 * WebAssembly (JavaScript Promise Integration), and with WebGPU for other browsers, which is larger and slower.
 */
const builds = {
  wasm: () => import('onnxruntime-web/wasm'),
  jspi: () => import('onnxruntime-web/jspi'),
  webgpu: () => import('onnxruntime-web/webgpu'),
} as const;

export type Build = keyof typeof builds;

const loaded = new Map<Build, { readonly ort: WebOrt; readonly threads: number | undefined }>();

/**
 * Loads a build of onnxruntime-web. A page loads each build once, with the threads of its first runtime.
 *
 * @throws {RuntimeUnavailableError} when the package is not installed
 * @throws {UnsupportedError} for a number of threads other than the page already uses
 */
export async function loadWeb(build: Build, { threads, wasmPaths }: DeviceSettings): Promise<WebOrt> {
  const web = await builds[build]().catch((cause: unknown) => {
    const advice = 'onnxruntime-web could not be loaded. Install it with `npm install onnxruntime-web`';
    throw new RuntimeUnavailableError('onnx', `${advice} (${String(cause)})`, { cause });
  });
  const known = loaded.get(build);
  if (known !== undefined) {
    if (threads === undefined || threads === known.threads) return known.ort;
    const running = known.threads === undefined ? 'the number that it chose' : String(known.threads);
    const advice = `this page's onnxruntime runs with ${running}: ask for it in the first runtime that the page opens`;
    throw new UnsupportedError('onnx', `${String(threads)} threads`, advice);
  }
  // With a GPU, the little that runs on the CPU is not worth starting more threads for.
  const wanted = threads ?? (build === 'wasm' ? undefined : 1);
  if (wanted !== undefined) web.env.wasm.numThreads = page.crossOriginIsolated ? wanted : 1;
  if (wasmPaths !== undefined) web.env.wasm.wasmPaths = new URL(wasmPaths, page.location.href).href;
  const ort: WebOrt = {
    Tensor: web.Tensor,
    env: web.env,
    InferenceSession:
      build === 'wasm'
        ? web.InferenceSession
        : { create: oneAtATime((...args) => web.InferenceSession.create(...args)) },
    webgpuDevice: async () => (await web.env.webgpu.device) as unknown as GpuDevice,
  };
  loaded.set(build, { ort, threads });
  return ort;
}

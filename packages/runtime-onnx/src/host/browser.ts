import { RuntimeUnavailableError, UnsupportedError } from '@flowmap/tensor';
import { reasonOf } from '../advice.js';
import { copyModel } from '../copy-model.js';
import { gpuMemory } from '../gpu-memory.js';
import { hostMemory } from '../memory.js';
import { OnnxModelError } from '../onnx-model-error.js';
import { plainSessions } from '../session.js';
import { sessionOptions } from '../session-options.js';
import { findAdapter, isSoftware, missingWebgpu, watchDevice } from './gpu.js';
import type { DeviceSettings, Host, OpenDevice } from './host.js';
import { loadWeb } from './load-web.js';
import { page } from './page.js';

/** A page or one of its workers: onnxruntime-web. */
export const host: Host = {
  devices: ['cpu', 'webgpu'],
  async promising() {
    const adapter = await findAdapter();
    return adapter === undefined || isSoftware(adapter) ? [] : ['webgpu'];
  },
  open(device, settings) {
    if (settings.profile !== undefined) {
      throw new UnsupportedError('onnx', 'a profile in a browser', "use the browser's own profiler");
    }
    if (settings.memoryLimit !== undefined) {
      throw new UnsupportedError('onnx', 'a memory limit in a browser', 'leave it out: the browser has its own');
    }
    if (settings.offThread === true) {
      throw new UnsupportedError('onnx', 'a run off the thread in a browser', 'use it in a worker of the page');
    }
    return device === 'webgpu' ? openWebgpu(settings) : openCpu(settings);
  },
  async openFile(ort, address, options) {
    const response = await fetch(address).catch((cause: unknown) => {
      throw new OnnxModelError(address, `it cannot be fetched: ${reasonOf(cause)}`, { cause });
    });
    if (!response.ok) throw new OnnxModelError(address, `it cannot be fetched: status ${response.status}`);
    return ort.InferenceSession.create(new Uint8Array(await response.arrayBuffer()), options);
  },
};

async function openCpu(settings: DeviceSettings): Promise<OpenDevice> {
  const ort = await loadWeb('wasm', settings);
  try {
    const session = await ort.InferenceSession.create(copyModel('float32'), sessionOptions('cpu', 'cpu'));
    await session.release();
  } catch (cause) {
    throw notStarted('cpu', cause, wasmAdvice);
  }
  return { ort, device: 'cpu', memory: hostMemory(ort), createSession: plainSessions(ort) };
}

async function openWebgpu(settings: DeviceSettings): Promise<OpenDevice> {
  if ((await findAdapter()) === undefined) {
    throw new RuntimeUnavailableError('onnx', `device 'webgpu' does not start: ${missingWebgpu()}`);
  }
  const hasJspi = page.WebAssembly.Suspending !== undefined;
  const ort = await loadWeb(hasJspi ? 'jspi' : 'webgpu', settings);
  try {
    const memory = await gpuMemory(ort, async () => watchDevice(await ort.webgpuDevice()));
    return { ort, device: 'webgpu', memory, createSession: plainSessions(ort) };
  } catch (cause) {
    throw notStarted('webgpu', cause, `${wasmAdvice}. Where they do load, it is the GPU: chrome://gpu says more`);
  }
}

const wasmAdvice =
  'If its WebAssembly could not be fetched: serve the .wasm and .mjs files of node_modules/onnxruntime-web/dist, give the ' +
  "address of their folder as `wasmPaths`, or with Vite put 'onnxruntime-web' into `optimizeDeps.exclude`; then load the " +
  'page again';

function notStarted(device: string, cause: unknown, advice: string): RuntimeUnavailableError {
  const message = `device '${device}' does not start: ${reasonOf(cause)}. ${advice}`;
  return new RuntimeUnavailableError('onnx', message, { cause });
}

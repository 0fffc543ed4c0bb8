import { RuntimeUnavailableError } from '@flowmap/tensor';
import { env } from 'onnxruntime-web/jspi';
import { expect, it, vi } from 'vitest';
import { onnxRuntime } from '../onnx-runtime.js';
import { loadWeb } from './load-web.js';

it('says where to serve the WebAssembly from where it cannot be fetched', async () => {
  const error: unknown = await onnxRuntime({ device: 'cpu', wasmPaths: '/nowhere/' }).catch(
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RuntimeUnavailableError);
  const { message, cause } = error as RuntimeUnavailableError;
  expect(cause).toBeInstanceOf(Error);
  expect(message).toMatch(/device 'cpu' does not start/);
  expect(message).toMatch(/node_modules\/onnxruntime-web\/dist.*`wasmPaths`.*`optimizeDeps\.exclude`/);
});

it('has one thread in a page that is not isolated, whatever is asked for', async () => {
  vi.stubGlobal('crossOriginIsolated', false);
  await loadWeb('jspi', { threads: 4, wasmPaths: '/ort/' });
  vi.unstubAllGlobals();
  expect(env.wasm.numThreads).toBe(1);
  expect(env.wasm.wasmPaths).toMatch(/^http.*\/ort\/$/);
});

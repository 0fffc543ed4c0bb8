import { RuntimeUnavailableError } from '@flowmap/tensor';
import { afterEach, expect, test, vi } from 'vitest';
import { tfjsRuntime } from './runtime.js';

afterEach(() => {
  vi.doUnmock('@tensorflow/tfjs-backend-cpu');
  vi.restoreAllMocks();
});

test('a back end that is not known by name is refused with the way to use it', async () => {
  const opened = tfjsRuntime({ backend: 'webnn' });
  await expect(opened).rejects.toThrow(RuntimeUnavailableError);
  await expect(opened).rejects.toThrow(/'cpu', 'wasm', 'webgl', 'webgpu', 'tensorflow' are loaded by name.*`tf`/);
  await expect(tfjsRuntime({ backend: 'constructor' })).rejects.toThrow(RuntimeUnavailableError);
});

test('a package that is not installed is named', async () => {
  vi.doMock('@tensorflow/tfjs-backend-cpu', () => {
    throw new Error('Cannot find package');
  });
  const opened = tfjsRuntime({ backend: 'cpu' });
  await expect(opened).rejects.toThrow(RuntimeUnavailableError);
  await expect(opened).rejects.toThrow('npm install @tensorflow/tfjs-core @tensorflow/tfjs-backend-cpu');
});

test('binaries that are not where they were said to be are an error, which leaves the process as it was', async () => {
  const handlers = (): number =>
    process.listenerCount('uncaughtException') + process.listenerCount('unhandledRejection');
  const before = handlers();
  const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  const opened = tfjsRuntime({ wasmPaths: '/nowhere/' });
  await expect(opened).rejects.toThrow(RuntimeUnavailableError);
  await expect(opened).rejects.toThrow('`wasmPaths`');
  expect(warned).toHaveBeenCalled();
  expect(handlers()).toBe(before);
});

import { RuntimeUnavailableError } from '@flowmap/tensor';
import { expect, it, vi } from 'vitest';
import { loadWeb } from './load-web.js';

vi.mock('onnxruntime-web/wasm', () => {
  throw new Error('Failed to fetch dynamically imported module');
});

it('says how to install onnxruntime-web where it is missing', async () => {
  const error: unknown = await loadWeb('wasm', {}).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(RuntimeUnavailableError);
  const { message, cause } = error as RuntimeUnavailableError;
  expect(message).toContain('npm install onnxruntime-web');
  expect(cause).toBeInstanceOf(Error);
});

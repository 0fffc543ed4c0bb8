import { RuntimeUnavailableError } from '@flowmap/tensor';
import { expect, it, vi } from 'vitest';
import { onnxRuntime } from './onnx-runtime.js';

vi.mock('onnxruntime-node', () => {
  throw new Error('libonnxruntime.so.1: cannot open shared object file');
});

it('says how to install onnxruntime where it does not load, and why it did not', async () => {
  const error: unknown = await onnxRuntime().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(RuntimeUnavailableError);
  const { message, cause } = error as RuntimeUnavailableError;
  expect(message).toContain('npm install onnxruntime-node');
  expect(message).toContain('ONNXRUNTIME_NODE_INSTALL=skip');
  expect(cause).toBeInstanceOf(Error);
});

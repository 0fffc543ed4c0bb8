import { RuntimeUnavailableError } from '@flowmap/tensor';
import type { InferenceSession } from 'onnxruntime-node';

/** The part of the common API of onnxruntime-node and onnxruntime-web that this package uses. */
export interface Ort extends Pick<typeof import('onnxruntime-node'), 'Tensor' | 'env'> {
  readonly InferenceSession: {
    create(model: Uint8Array, options?: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
}

/**
 * Loads onnxruntime-node.
 *
 * @throws {RuntimeUnavailableError} when the package is not installed or its native library does not load
 */
export async function loadOrt(): Promise<Ort> {
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    const advice =
      'onnxruntime-node could not be loaded. Install it with `npm install onnxruntime-node`; where its download of CUDA ' +
      'libraries fails, with `ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node`, which the CPU does not miss';
    throw new RuntimeUnavailableError('onnx', `${advice} (${String(cause)})`, { cause });
  }
}

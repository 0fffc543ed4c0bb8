import { stat } from 'node:fs/promises';
import type { Answer } from './command.js';
import { valuesText } from './open-imported.js';

/**
 * What an ONNX file holds, for its mapping.
 *
 * @throws {OnnxImportError} for a file that cannot be imported
 */
export async function inspectOnnx(path: string): Promise<Answer> {
  const { sizeOf } = await import('@flowmap/tensor');
  const { importOnnxFile } = await import('@flowmap/runtime-onnx/node');
  const { inputs, outputs, parameters, opset, metadata } = await importOnnxFile(path);
  return {
    inputs: valuesText(inputs),
    outputs: valuesText(outputs),
    parameters: Object.values(parameters).reduce((total, { shape }) => total + sizeOf(shape), 0),
    opset,
    metadata,
    bytes: (await stat(path)).size,
  };
}

import { create } from '@bufbuild/protobuf';
import { GraphProtoSchema } from 'onnx-buf';
import type { DType } from '@flowmap/tensor';
import { encodeModel } from './encode-model.js';
import { dataTypes } from './graph.js';

/** An ONNX model that copies a tensor of any shape: one `Identity` from `from` to `to`. */
export function copyModel(dtype: DType): Uint8Array {
  const type = { value: { case: 'tensorType' as const, value: { elemType: dataTypes[dtype] } } };
  const graph = create(GraphProtoSchema, {
    name: 'copy',
    node: [{ opType: 'Identity', name: 'copy', input: ['from'], output: ['to'] }],
    input: [{ name: 'from', type }],
    output: [{ name: 'to', type }],
  });
  return encodeModel(graph);
}

import type { GraphProto, NodeProto, TensorProto } from 'onnx-buf';

/** All tensors of a graph: its own, those of its nodes' attributes, and those of the graphs within. */
export function tensorsOf(graph: GraphProto): TensorProto[] {
  return [...graph.initializer, ...graph.node.flatMap(ofNode)];
}

function ofNode({ attribute }: NodeProto): TensorProto[] {
  return attribute.flatMap(({ t, g }) => [...(t ? [t] : []), ...(g ? tensorsOf(g) : [])]);
}

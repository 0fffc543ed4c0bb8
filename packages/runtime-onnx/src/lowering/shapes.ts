import type { Shape } from '@flowmap/tensor';
import type { Graph } from '../graph.js';
import { direct, type Lowering } from './context.js';

type ShapePrimitive = 'reshape' | 'transpose' | 'broadcastTo' | 'slice' | 'pad' | 'concat' | 'flip';

export const shapes: { readonly [P in ShapePrimitive]: Lowering<P> } = {
  reshape: ({ operands: [x], shape }, { graph, value }) => graph.node('Reshape', [value(x!), graph.integers(shape)]),
  // Never an identity transposition: onnxruntime's fusion of Gemm with transpositions breaks on it.
  transpose: ({ operands: [x], attributes: { permutation } }, { graph, value }) =>
    permutation.every((axis, i) => axis === i)
      ? value(x!)
      : graph.node('Transpose', [value(x!)], { perm: permutation }),
  broadcastTo: ({ operands: [x], shape }, { graph, value }) => graph.node('Expand', [value(x!), graph.integers(shape)]),
  slice: ({ operands: [x], attributes: { starts, ends } }, { graph, value }) => {
    const axes = x!.shape.flatMap((extent, axis) => (starts[axis] === 0 && ends[axis] === extent ? [] : [axis]));
    const bounds = [starts, ends].map((bound) => graph.integers(axes.map((axis) => bound[axis]!)));
    return graph.node('Slice', [value(x!), ...bounds, graph.integers(axes)]);
  },
  // Always pads for every axis: onnxruntime's transpose optimizer corrupts a Pad that names its axes.
  pad: ({ operands: [x], attributes: { before, after } }, { graph, value }) =>
    graph.node('Pad', [value(x!), graph.integers([...before, ...after])]),
  flip: ({ operands: [x], attributes: { axes } }, { graph, value }) => reversed(value(x!), x!.shape, axes, graph),
  concat: direct('Concat', ({ attributes: { axis } }) => ({ axis })),
};

/** A value with the elements of some axes in reverse order. */
export function reversed(value: string, shape: Shape, axes: readonly number[], graph: Graph): string {
  const beyond = axes.map((axis) => -shape[axis]! - 1);
  const bounds = [axes.map(() => -1), beyond, axes, axes.map(() => -1)];
  return graph.node('Slice', [value, ...bounds.map((values) => graph.integers(values))]);
}

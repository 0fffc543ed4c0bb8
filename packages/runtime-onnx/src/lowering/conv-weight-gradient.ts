import type { Lowering } from './context.js';

/** Each tap's slice of the padded image times the gradient, per image, then summed over the batch. */
export const weightGradient: Lowering<'conv2dWeightGradient'> = ({ operands, attributes, shape }, { graph, value }) => {
  const [x, gradient] = operands;
  const { stride, padding, size } = attributes;
  const [n, o, h, w] = gradient!.shape as [number, number, number, number];
  const c = x!.shape[1]!;
  const [vertical, horizontal] = padding;
  const isPadded = vertical > 0 || horizontal > 0;
  const pads = [0, 0, vertical, horizontal, 0, 0, vertical, horizontal];
  const image = isPadded ? graph.node('Pad', [value(x!), graph.integers(pads)]) : value(x!);
  const rows = graph.node('Reshape', [value(gradient!), graph.integers([n, o, h * w])]);
  const taps: string[] = [];
  for (let u = 0; u < size[0]; u++) {
    for (let v = 0; v < size[1]; v++) {
      const ends = [u + (h - 1) * stride[0] + 1, v + (w - 1) * stride[1] + 1];
      const bounds = [[u, v], ends, [2, 3], stride].map((values) => graph.integers(values));
      const pixels = graph.node('Reshape', [graph.node('Slice', [image, ...bounds]), graph.integers([n, c, h * w])]);
      const perImage = graph.node('MatMul', [rows, graph.node('Transpose', [pixels], { perm: [0, 2, 1] })]);
      taps.push(graph.node('ReduceSum', [perImage, graph.integers([0])], { keepdims: 0 }));
    }
  }
  const stacked = graph.node('Concat', taps, { axis: 1 });
  const split = graph.node('Reshape', [stacked, graph.integers([o, taps.length, c])]);
  return graph.node('Reshape', [graph.node('Transpose', [split], { perm: [0, 2, 1] }), graph.integers(shape)]);
};

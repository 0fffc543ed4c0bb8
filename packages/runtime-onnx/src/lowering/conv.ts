import type { ConvAttributes } from '@flowmap/tensor';
import type { Attribute } from '../graph.js';
import type { Context, Lowering } from './context.js';

type ConvPrimitive = 'conv2d' | 'conv2dInputGradient' | 'conv2dWeightGradient';

export const conv: { readonly [P in ConvPrimitive]: Lowering<P> } = {
  conv2d: ({ operands: [x, weight], attributes }, { graph, value }) =>
    graph.node('Conv', [value(x!), value(weight!)], window(attributes)),

  conv2dInputGradient: ({ operands: [gradient, weight], attributes }, { graph, value }) => {
    const { stride, padding, size } = attributes;
    const kernel = weight!.shape.slice(2);
    const reached = [0, 1].map((i) => (gradient!.shape[i + 2]! - 1) * stride[i]! + kernel[i]! - 2 * padding[i]!);
    const outputPadding = [0, 1].map((i) => size[i]! - reached[i]!);
    return graph.node('ConvTranspose', [value(gradient!), value(weight!)], {
      ...window(attributes),
      output_padding: outputPadding,
    });
  },

  conv2dWeightGradient: ({ operands: [x, gradient], attributes, shape }, { graph, value }) => {
    const { stride, padding, size } = attributes;
    const [n, o, h, w] = gradient!.shape as [number, number, number, number];
    const c = x!.shape[1]!;
    const image = padded(value(x!), padding, graph);
    const windows: string[] = [];
    for (let u = 0; u < size[0]; u++) {
      for (let v = 0; v < size[1]; v++) {
        const ends = [u + (h - 1) * stride[0] + 1, v + (w - 1) * stride[1] + 1];
        const bounds = [[u, v], ends, [2, 3], stride].map((values) => graph.integers(values));
        windows.push(graph.node('Slice', [image, ...bounds]));
      }
    }
    const taps = windows.length;
    const columns = graph.node('Reshape', [
      graph.node('Concat', windows, { axis: 1 }),
      graph.integers([n, taps * c, h * w]),
    ]);
    const rows = graph.node('Reshape', [value(gradient!), graph.integers([n, o, h * w])]);
    const perImage = graph.node('FusedMatMul', [rows, columns], { transB: 1 }, 'com.microsoft');
    const total = graph.node('ReduceSum', [perImage, graph.integers([0])], { keepdims: 0 });
    const split = graph.node('Reshape', [total, graph.integers([o, taps, c])]);
    return graph.node('Reshape', [
      graph.node('Transpose', [split], { perm: [0, 2, 1] }),
      graph.integers(shape),
    ]);
  },
};

function window({ stride, padding }: ConvAttributes): Readonly<Record<string, Attribute>> {
  return { strides: stride, pads: [...padding, ...padding] };
}

function padded(image: string, [vertical, horizontal]: readonly [number, number], graph: Context['graph']): string {
  if (vertical === 0 && horizontal === 0) return image;
  return graph.node('Pad', [image, graph.integers([0, 0, vertical, horizontal, 0, 0, vertical, horizontal])]);
}

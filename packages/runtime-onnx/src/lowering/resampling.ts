import type { Lowering } from './context.js';

export const resampling: { readonly [P in 'sumPool2d' | 'upsample2d']: Lowering<P> } = {
  sumPool2d: ({ operands: [x], attributes: { factor }, dtype }, { graph, value }) => {
    const mean = graph.node('AveragePool', [value(x!)], { kernel_shape: [factor, factor], strides: [factor, factor] });
    return graph.node('Mul', [mean, graph.scalar(factor * factor, dtype)]);
  },
  upsample2d: ({ operands: [x], attributes: { factor } }, { graph, value }) => {
    const scales = graph.constant(Float64Array.of(1, 1, factor, factor), { shape: [4], dtype: 'float32' });
    const attributes = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
    return graph.node('Resize', [value(x!), '', scales], attributes);
  },
};

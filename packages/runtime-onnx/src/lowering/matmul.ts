import type { Tensor } from '@flowmap/tensor';
import type { Context } from './context.js';

/** A matrix product, with a third matrix that broadcasts to the result added where the rank is 2. */
export function product(tensor: Tensor<'matmul'>, context: Context, addend?: Tensor): string {
  const { graph, value } = context;
  const [a, b] = tensor.operands as readonly [Tensor, Tensor];
  const { transposeA, transposeB } = tensor.attributes;
  if (tensor.rank === 2) {
    const inputs = [a, b, ...(addend ? [addend] : [])].map(value);
    return graph.node('Gemm', inputs, { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 });
  }
  const left = transposeA ? swapped(a, context) : value(a);
  const right = transposeB ? swapped(b, context) : value(b);
  return graph.node('MatMul', [left, right]);
}

/** The last two axes exchanged; onnxruntime fuses this with the product. */
function swapped(tensor: Tensor, { graph, value }: Context): string {
  const axes = tensor.shape.map((_, axis) => axis);
  return graph.node('Transpose', [value(tensor)], { perm: [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!] });
}

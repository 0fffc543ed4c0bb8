import { convOutputSize } from '../graph/infer.js';
import { sizeOf } from '../graph/shape.js';
import { reachable, type Tensor } from '../graph/tensor.js';

/**
 * Floating-point operations of the matrix products and convolutions that the given tensors need, counting a
 * multiplication and an addition as two; element-wise work is left out, as is usual.
 */
export function countFlops(outputs: Iterable<Tensor>): number {
  return reachable(outputs).reduce((total, node) => total + flopsOf(node), 0);
}

function flopsOf(node: Tensor): number {
  const [a, b] = node.operands;
  if (node.is('matmul')) {
    const shared = a!.shape.at(node.attributes.transposeA ? -2 : -1)!;
    return 2 * node.size * shared;
  }
  if (node.is('conv2d')) return 2 * node.size * sizeOf(b!.shape.slice(1));
  if (node.is('conv2dInputGradient')) return 2 * a!.size * sizeOf(b!.shape.slice(1));
  if (node.is('conv2dWeightGradient')) {
    const { size } = node.attributes;
    const [h, w] = convOutputSize('flops', [a!.shape[2]!, a!.shape[3]!], size, node.attributes);
    return 2 * a!.shape[0]! * h * w * node.size;
  }
  return 0;
}

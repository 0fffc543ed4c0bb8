import { constant, full, type Tensor } from '@flowmap/tensor';

/** L2 norm over all values of all tensors. */
export function normOf(tensors: Iterable<Tensor>): Tensor {
  let total = full(0);
  for (const tensor of tensors) total = total.add(tensor.square().sum());
  return total.sqrt();
}

/** Mean distance between two different samples, `[batch, width]` to a scalar. */
export function meanPairwiseDistance(features: Tensor): Tensor {
  const batch = features.shape[0]!;
  const squares = features.square().sum([1]);
  const products = features.matmul(features.transpose([1, 0])).mul(2);
  const squared = squares
    .reshape([batch, 1])
    .add(squares.reshape([1, batch]))
    .sub(products)
    .maximum(0);
  const others = Float32Array.from({ length: batch ** 2 }, (_, i) => (i % (batch + 1) === 0 ? 0 : 1));
  return squared
    .sqrt()
    .mul(constant(others, [batch, batch]))
    .sum()
    .mul(1 / (batch * (batch - 1)));
}

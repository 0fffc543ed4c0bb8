import { concat, type Tensor } from '@flowmap/tensor';

/**
 * Possible sizes of a group whose deviation is computed together; the first that divides the batch is used.
 * StyleGAN2 has 4.
 */
const GROUPS = [4, 3, 2, 1];

/** Added under the square root. */
const EPSILON = 1e-8;

/**
 * Adds a channel to `[batch, channels, height, width]` that says how much samples differ: the standard deviation over a
 * group of samples, averaged over everything else (Karras et al. 2018). The group is the largest of at most 4 that
 * divides the batch; sample `i` is in group `i mod (batch / group)`.
 */
export function withMinibatchDeviation(x: Tensor): Tensor {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const group = GROUPS.find((size) => batch % size === 0)!;
  const groups = batch / group;
  const values = x.reshape([group, groups, channels * height * width]);
  const variance = values
    .sub(values.mean([0], true))
    .square()
    .mean([0]);
  const deviation = variance.add(EPSILON).sqrt().mean([1]);
  const channel = deviation.reshape([1, groups, 1, 1, 1]).broadcastTo([group, groups, 1, height, width]);
  return concat([x, channel.reshape([batch, 1, height, width])], 1);
}

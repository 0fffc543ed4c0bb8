import { select, type Tensor } from '@flowmap/tensor';

/** The least normal number of float32. */
const LEAST_NORMAL = 2 ** -126;

/** Zero in place of what is smaller than a normal float32, which many processors are slow with. */
export function flushed(x: Tensor): Tensor {
  return select(x.abs().less(LEAST_NORMAL), 0, x);
}

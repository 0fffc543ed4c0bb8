import { select, type Tensor } from '@flowmap/tensor';

/** The smallest normal number of float32. */
const LEAST_NORMAL = 2 ** -126;

/** Replaces values smaller than any normal float32, which are slow on many processors, with zero. */
export function flushed(x: Tensor): Tensor {
  return select(x.abs().less(LEAST_NORMAL), 0, x);
}

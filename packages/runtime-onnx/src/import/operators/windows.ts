import { choice, ints, type Call } from '../call.js';

/** How a window of a convolution or of pooling moves over the axes of an image. */
export interface Windows {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** The number of windows along each axis. */
  readonly counts: readonly number[];
}

/** The most that a window may reach or be padded by: far more than any model has, and quickly counted. */
const MOST = 2 ** 16;

/** Whole numbers of an attribute, one for each axis. */
export function perAxis(call: Call, name: string, count: number, least: number, fallback: number): number[] {
  const found = ints(call, name);
  if (found === undefined) return new Array<number>(count).fill(fallback);
  if (found.length !== count || !found.every((value) => value >= least && value <= MOST)) {
    call.refuse(
      `its ${name} are ${found.slice(0, 9).join(', ')}`,
      `${count} numbers from ${least} to ${MOST} can be imported`,
    );
  }
  return found;
}

/** What a node's attributes say about windows of a kernel over an image of a size. */
export function windowsOf(call: Call, size: readonly number[], kernel: readonly number[], ceil = false): Windows {
  const strides = perAxis(call, 'strides', size.length, 1, 1);
  const dilations = perAxis(call, 'dilations', size.length, 1, 1);
  const auto = choice(call, 'auto_pad', ['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID']);
  const pads = perAxis(call, 'pads', 2 * size.length, 0, 0);
  const reach = kernel.map((side, i) => dilations[i]! * (side - 1) + 1);
  const isSame = auto === 'SAME_UPPER' || auto === 'SAME_LOWER';
  const missing = size.map((extent, i) => {
    const count = Math.ceil(extent / strides[i]!);
    return Math.max(0, (count - 1) * strides[i]! + reach[i]! - extent);
  });
  const less = missing.map((total) => Math.floor(total / 2));
  const more = missing.map((total, i) => total - less[i]!);
  const none = size.map(() => 0);
  const [before, after] = isSame
    ? auto === 'SAME_UPPER'
      ? [less, more]
      : [more, less]
    : auto === 'VALID'
      ? [none, none]
      : [pads.slice(0, size.length), pads.slice(size.length)];
  const counts = size.map((extent, i) => {
    const room = extent + before[i]! + after[i]! - reach[i]!;
    const count = (ceil ? Math.ceil(room / strides[i]!) : Math.floor(room / strides[i]!)) + 1;
    // A last window that would begin in the padding after the image is left out.
    return ceil && (count - 1) * strides[i]! >= extent + before[i]! ? count - 1 : count;
  });
  if (!counts.every((count) => count >= 1)) {
    call.refuse(`a window of ${kernel.join(' x ')} does not fit an image of ${size.join(' x ')}`);
  }
  return { kernel, strides, dilations, before, after, counts };
}

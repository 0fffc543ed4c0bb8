import { concat, constant, full, type Tensor } from '@flowmap/tensor';
import { choice, flag, input, int, ints, type Call, type Operator, type Operators } from '../call.js';
import { strided } from '../take.js';
import { traced } from '../value.js';
import { floats } from './products.js';
import { windowsOf, type Windows } from './windows.js';

/** The most positions along an axis of windows that overlap or leave gaps: they are combined one by one. */
const MOST_PLACES = 256;

/** The image and its windows; a kernel has at most as many places along an axis as the padded image. */
function pooled(call: Call): { readonly x: Tensor; readonly windows: Windows } {
  const [x] = floats(call, input(call, 0)) as [Tensor];
  const size = x.shape.slice(2);
  const kernel = ints(call, 'kernel_shape') ?? call.refuse('its kernel_shape is missing');
  if (kernel.length !== size.length || size.length === 0 || !kernel.every((side) => side >= 1 && side <= 2 ** 16)) {
    call.refuse(`its kernel_shape is ${kernel.slice(0, 9).join(', ')} for an image of ${size.join(' x ')}`);
  }
  const windows = windowsOf(call, size, kernel, flag(call, 'ceil_mode'));
  if (!tiles(x, windows)) {
    const most = Math.max(...kernel);
    if (most > MOST_PLACES)
      call.refuse(`its windows overlap, and have ${most} places`, `at most ${MOST_PLACES} can be imported`);
    call.spend(kernel.reduce((sum, side, i) => sum + side * windows.counts[i]!, 0));
  }
  return { x, windows };
}

/** `x` with a number before and after an axis. */
export function framed(x: Tensor, axis: number, before: number, after: number, value: number): Tensor {
  const border = (count: number): Tensor[] => (count === 0 ? [] : [full(value, x.shape.with(axis, count), x.dtype)]);
  const parts = [...border(before), x, ...border(after)];
  return parts.length === 1 ? x : concat(parts, axis);
}

/** Combines the elements of each window, one axis after another; elements outside the image count as `outside`. */
function combined(x: Tensor, windows: Windows, outside: number, combine: (a: Tensor, b: Tensor) => Tensor): Tensor {
  const { kernel, strides, dilations, before, counts } = windows;
  return kernel.reduce((image, side, i) => {
    const axis = i + 2;
    const [stride, dilation, count] = [strides[i]!, dilations[i]!, counts[i]!];
    const reach = (count - 1) * stride + dilation * (side - 1) + 1;
    const extent = image.shape[axis]!;
    const after = Math.max(0, reach - extent - before[i]!);
    const long = framed(image, axis, before[i]!, after, outside);
    const parts = Array.from({ length: side }, (_, place) => strided(long, axis, place * dilation, stride, count));
    return parts.reduce(combine);
  }, x);
}

/** Windows that tile the image without gaps or padding, along every axis. */
function tiles(x: Tensor, { kernel, strides, dilations, before, after, counts }: Windows): boolean {
  return kernel.every(
    (side, i) =>
      side === strides[i] &&
      dilations[i] === 1 &&
      before[i] === 0 &&
      after[i] === 0 &&
      side * counts[i]! === x.shape[i + 2],
  );
}

const maxPool: Operator = {
  inputs: [1, 1],
  without: 'the places of the maxima',
  trace(call) {
    if (call.outputs > 1) call.refuse('it gives the places of the maxima');
    const { x, windows } = pooled(call);
    const { type } = input(call, 0);
    if (!tiles(x, windows))
      return traced(
        type,
        combined(x, windows, -Infinity, (a, b) => a.maximum(b)),
      );
    const { kernel, counts } = windows;
    const blocks = x.reshape([...x.shape.slice(0, 2), ...kernel.flatMap((side, i) => [counts[i]!, side])]);
    return traced(type, blocks.max(kernel.map((_, i) => 2 * i + 3)));
  },
};

const averagePool: Operator = {
  inputs: [1, 1],
  trace(call) {
    const { x, windows } = pooled(call);
    const { type } = input(call, 0);
    const { kernel, counts } = windows;
    const places = kernel.reduce((product, side) => product * side, 1);
    if (tiles(x, windows) && kernel.length === 2 && kernel[0] === kernel[1]) {
      return traced(type, x.sumPool2d(kernel[0]!).mul(1 / places));
    }
    const sums = combined(x, windows, 0, (a, b) => a.add(b));
    const includesPadding = flag(call, 'count_include_pad');
    const perAxis = counts.map((count, i) => countsAlong(x.shape[i + 2]!, windows, i, count, includesPadding));
    if (perAxis.every((along, i) => along.every((one) => one === kernel[i]))) return traced(type, sums.mul(1 / places));
    const scaled = perAxis.reduce((result, along, i) => {
      const shape = result.shape.map((_, axis) => (axis === i + 2 ? along.length : 1));
      const factors = along.map((one) => 1 / one);
      return result.mul(constant(factors, shape, x.dtype));
    }, sums);
    return traced(type, scaled);
  },
};

/** How many positions of each window count, along one axis: those of the image, or of the image with its padding. */
function countsAlong(extent: number, windows: Windows, i: number, count: number, includesPadding: boolean): number[] {
  const [side, stride, dilation] = [windows.kernel[i]!, windows.strides[i]!, windows.dilations[i]!];
  const [before, after] = [windows.before[i]!, windows.after[i]!];
  const [least, most] = includesPadding ? [-before, extent + after] : [0, extent];
  return Array.from({ length: count }, (_, window) => {
    const start = window * stride - before;
    const inside = Array.from({ length: side }, (_, place) => start + place * dilation);
    return inside.filter((place) => place >= least && place < most).length;
  });
}

/** A reduction over all axes but the first two. */
const global = (f: (x: Tensor, axes: readonly number[]) => Tensor): Operator => ({
  inputs: [1, 1],
  trace(call) {
    const x = input(call, 0);
    const [tensor] = floats(call, x) as [Tensor];
    if (tensor.rank < 3) call.refuse(`its image has rank ${tensor.rank}`);
    return traced(x.type, f(tensor, tensor.shape.map((_, axis) => axis).slice(2)));
  },
});

/** Blocks of pixels as channels, and back. */
const blocks = (f: (x: Tensor, size: number, call: Call) => Tensor): Operator => ({
  inputs: [1, 1],
  trace(call) {
    const x = input(call, 0);
    const size = int(call, 'blocksize', 0);
    if (x.shape.length !== 4 || size < 1) call.refuse(`it makes blocks of ${size} in [${x.shape.join(', ')}]`);
    return traced(x.type, f(x.tensor, size, call));
  },
});

function depthToSpace(x: Tensor, size: number, crd: boolean): Tensor {
  const [n, channels, h, w] = x.shape as [number, number, number, number];
  const c = channels / size ** 2;
  const apart = crd
    ? x.reshape([n, c, size, size, h, w]).transpose([0, 1, 4, 2, 5, 3])
    : x.reshape([n, size, size, c, h, w]).transpose([0, 3, 4, 1, 5, 2]);
  return apart.reshape([n, c, h * size, w * size]);
}

function spaceToDepth(x: Tensor, size: number): Tensor {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const apart = x.reshape([n, c, h / size, size, w / size, size]).transpose([0, 3, 5, 1, 2, 4]);
  return apart.reshape([n, c * size ** 2, h / size, w / size]);
}

/** Pooling, over any number of axes, and blocks of pixels. */
export const pooling: Operators = {
  AveragePool: averagePool,
  MaxPool: maxPool,
  GlobalAveragePool: global((x, axes) => x.mean(axes, true)),
  GlobalMaxPool: global((x, axes) => x.max(axes, true)),
  DepthToSpace: blocks((x, size, call) => depthToSpace(x, size, choice(call, 'mode', ['DCR', 'CRD']) === 'CRD')),
  SpaceToDepth: blocks(spaceToDepth),
};

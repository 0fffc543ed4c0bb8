import { bind, type Tensor } from '@flowmap/tensor';
import { choice, extentsOf, input, int, ints, type Call, type Operator, type Operators } from '../call.js';
import { traced, type Value } from '../value.js';
import { floats } from './products.js';
import { perAxis, windowsOf } from './windows.js';

/** Images and kernels with one or two axes as ones with two, and the result with the original number of axes. */
function asImages(call: Call): {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly axes: 1 | 2;
  readonly type: Value['type'];
} {
  const first = input(call, 0);
  const [x, weight] = floats(call, first, input(call, 1)) as [Tensor, Tensor];
  const axes = x.rank - 2;
  if ((axes !== 1 && axes !== 2) || weight.rank !== x.rank) {
    return call.refuse(
      `it convolves a tensor of rank ${x.rank} by one of rank ${weight.rank}`,
      'images of one or two axes can be imported',
    );
  }
  const kernel = ints(call, 'kernel_shape');
  if (kernel && kernel.join() !== weight.shape.slice(2).join()) {
    call.refuse(`its kernel_shape is not that of its kernel, [${weight.shape.join(', ')}]`);
  }
  return { x, weight, axes, type: first.type };
}

/** `[n, c, w]` as `[n, c, 1, w]`. */
function twoAxes(x: Tensor): Tensor {
  return x.rank === 4 ? x : x.reshape([...x.shape.slice(0, 2), 1, x.shape[2]!]);
}

function pairOf(values: readonly number[], missing: number): [number, number] {
  return values.length === 2 ? [values[0]!, values[1]!] : [missing, values[0]!];
}

/** A result with its bias, of the rank of the operands. */
function finished(call: Call, y: Tensor, axes: 1 | 2): Tensor {
  const bias = call.inputs[2];
  const sum = bias === undefined ? y : y.add(bias.tensor.reshape([1, -1, 1, 1]));
  return axes === 2 ? sum : sum.reshape([...sum.shape.slice(0, 2), sum.shape[3]!]);
}

const conv: Operator = {
  inputs: [2, 3],
  without: 'more than two axes',
  trace(call) {
    const { x, weight, axes, type } = asImages(call);
    const windows = windowsOf(call, x.shape.slice(2), weight.shape.slice(2));
    const [before, after] = [pairOf(windows.before, 0), pairOf(windows.after, 0)];
    // Padding that both sides share is part of the convolution.
    const padding = [0, 1].map((i) => Math.min(before[i]!, after[i]!)) as [number, number];
    const rest = [before, after].map((pads) => [0, 0, pads[0] - padding[0], pads[1] - padding[1]]);
    const image = twoAxes(x);
    const isEven = rest.every((pads) => pads.every((pad) => pad === 0));
    const y = bind('conv2d', [isEven ? image : image.pad(rest[0]!, rest[1]!), twoAxes(weight)], {
      stride: pairOf(windows.strides, 1),
      padding,
      dilation: pairOf(windows.dilations, 1),
      groups: int(call, 'group', 1),
    });
    return traced(type, finished(call, y, axes));
  },
};

const convTranspose: Operator = {
  inputs: [2, 3],
  without: 'more than two axes',
  trace(call) {
    const { x, weight, axes, type } = asImages(call);
    const [size, kernel] = [x.shape.slice(2), weight.shape.slice(2)];
    const strides = perAxis(call, 'strides', axes, 1, 1);
    const dilations = perAxis(call, 'dilations', axes, 1, 1);
    const more = perAxis(call, 'output_padding', axes, 0, 0);
    const pads = perAxis(call, 'pads', 2 * axes, 0, 0);
    const auto = choice(call, 'auto_pad', ['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID']);
    // The whole result, whose borders are cut off by padding.
    const whole = size.map((extent, i) => (extent - 1) * strides[i]! + dilations[i]! * (kernel[i]! - 1) + 1);
    const wanted = ints(call, 'output_shape')?.slice(-axes);
    const isSame = auto === 'SAME_UPPER' || auto === 'SAME_LOWER';
    const borders = size.map((extent, i): [number, number] => {
      if (wanted === undefined && !isSame) return auto === 'VALID' ? [0, 0] : [pads[i]!, pads[axes + i]!];
      const target = wanted?.[i] ?? extent * strides[i]!;
      const total = Math.max(0, whole[i]! + more[i]! - target);
      const half = Math.floor(total / 2);
      return auto === 'SAME_UPPER' ? [half, total - half] : [total - half, half];
    });
    const groups = int(call, 'group', 1);
    extentsOf(call, [x.shape[0]!, (weight.shape[1] ?? 0) * groups, ...whole]);
    const y = bind('conv2dInputGradient', [twoAxes(x), twoAxes(weight)], {
      stride: pairOf(strides, 1),
      padding: [0, 0],
      dilation: pairOf(dilations, 1),
      groups,
      size: pairOf(whole, 1),
    });
    // Output padding may reach beyond what the kernels cover.
    const beyond = pairOf(
      whole.map((_, i) => Math.max(0, more[i]! - borders[i]![1])),
      0,
    );
    const padded = beyond.some((pad) => pad > 0) ? y.pad([0, 0, 0, 0], [0, 0, ...beyond]) : y;
    const starts = pairOf(
      borders.map(([before]) => before),
      0,
    );
    const ends = pairOf(
      whole.map((extent, i) => extent + more[i]! - borders[i]![1]),
      1,
    );
    const cropped = padded.slice([0, 0, ...starts], [...padded.shape.slice(0, 2), ...ends]);
    return traced(type, finished(call, cropped, axes));
  },
};

/** Convolutions over one or two axes. */
export const convolutions: Operators = { Conv: conv, ConvTranspose: convTranspose };

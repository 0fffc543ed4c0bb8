import { constant, sizeOf, type Tensor } from '@flowmap/tensor';
import {
  axesOf,
  choice,
  extentsOf,
  flag,
  float,
  input,
  ints,
  knownInput,
  LIST,
  listed,
  wholeInput,
  type Call,
  type Operator,
  type Operators,
} from '../call.js';
import { traced } from '../value.js';
import { floats } from './products.js';
import { roundedEven } from './elementwise.js';

const COORDINATES = [
  'half_pixel',
  'half_pixel_symmetric',
  'pytorch_half_pixel',
  'align_corners',
  'asymmetric',
  'tf_half_pixel_for_nn', // of set 11; tf2onnx writes it in later ones
] as const;
const NEAREST = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'] as const;

/** How one axis is scaled. */
interface Axis {
  readonly from: number;
  readonly to: number;
  readonly scale: number;
}

/** How a node interpolates. */
interface Method {
  readonly mode: 'nearest' | 'linear' | 'cubic';
  readonly coordinates: (typeof COORDINATES)[number];
  readonly nearest: (typeof NEAREST)[number];
  readonly cubic: number;
  readonly excludesOutside: boolean;
  readonly antialias: boolean;
}

const resize: Operator = {
  inputs: [1, 4],
  without: 'tf_crop_and_resize',
  trace(call) {
    const x = input(call, 0);
    const [tensor] = floats(call, x) as [Tensor];
    const method: Method = {
      mode: choice(call, 'mode', ['nearest', 'linear', 'cubic']),
      coordinates: choice(call, 'coordinate_transformation_mode', COORDINATES),
      nearest: choice(call, 'nearest_mode', NEAREST),
      cubic: float(call, 'cubic_coeff_a', -0.75),
      excludesOutside: flag(call, 'exclude_outside'),
      antialias: flag(call, 'antialias'),
    };
    const scaled = scaledAxes(call, x.shape);
    extentsOf(
      call,
      scaled.map(({ to }) => to),
    );
    const factor = wholeFactor(scaled);
    if (factor !== undefined && method.mode === 'nearest') {
      call.spend(LIST * scaled.reduce((sum, { to }) => sum + to, 0));
      const [h, w] = scaled.slice(2) as [Axis, Axis];
      const repeats = ({ to }: Axis, i: number): boolean =>
        nearestOf([h, w][i]!, method).every((place, j) => j >= to || place === Math.floor(j / factor));
      if ([h, w].every(repeats)) return traced(x.type, factor === 1 ? tensor : tensor.upsample2d(factor));
    }
    return traced(
      x.type,
      scaled.reduce(
        (image, axis, i) =>
          axis.scale === 1 && axis.from === axis.to ? image : weighted(call, image, i, axis, method),
        tensor,
      ),
    );
  },
};

/** The size and scale of each axis. */
function scaledAxes(call: Call, shape: readonly number[]): Axis[] {
  const chosen = ints(call, 'axes');
  const axes = chosen ? axesOf(call, chosen, shape.length) : shape.map((_, axis) => axis);
  const scales = knownInput(call, 2, 'scales');
  const sizes = wholeInput(call, 3, 'sizes');
  const hasScales = scales !== undefined && sizeOf(scales.shape) > 0;
  const given = hasScales ? listed(call, scales) : sizes;
  if (given === undefined || given.length !== axes.length || !given.every((value) => value > 0 && value < Infinity)) {
    return call.refuse('it has neither a scale nor a size for each axis');
  }
  const kept = choice(call, 'keep_aspect_ratio_policy', ['stretch', 'not_larger', 'not_smaller']);
  const ratios = given.map((value, i) => (hasScales ? value : value / shape[axes[i]!]!));
  const common = kept === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
  return shape.map((from, axis) => {
    const i = axes.indexOf(axis);
    if (i < 0) return { from, to: from, scale: 1 };
    if (hasScales) return { from, to: Math.floor(from * given[i]!), scale: given[i]! };
    const to = kept === 'stretch' ? given[i]! : roundedEven(common * from);
    return { from, to, scale: kept === 'stretch' ? to / from : common };
  });
}

/** The whole factor by which height and width of images grow alike. */
function wholeFactor(axes: readonly Axis[]): number | undefined {
  if (axes.length !== 4 || axes[0]!.to !== axes[0]!.from || axes[1]!.to !== axes[1]!.from) return undefined;
  const factor = axes[2]!.to / axes[2]!.from;
  return Number.isInteger(factor) && axes[3]!.to === factor * axes[3]!.from ? factor : undefined;
}

/**
 * Where an element of the result is among those of the operand, in float32, which decides between two that
 * are equally near.
 */
function placeOf(i: number, { from, to, scale }: Axis, coordinates: Method['coordinates']): number {
  const f = Math.fround;
  const halfPixel = f(f((i + 0.5) / f(scale)) - 0.5);
  switch (coordinates) {
    case 'half_pixel':
      return halfPixel;
    case 'pytorch_half_pixel':
      return to > 1 ? halfPixel : 0;
    case 'half_pixel_symmetric':
      return f(halfPixel + (from / 2) * (1 - to / (scale * from)));
    case 'align_corners':
      return to > 1 ? f(f(i * (from - 1)) / (to - 1)) : 0;
    case 'asymmetric':
      return f(i / f(scale));
    case 'tf_half_pixel_for_nn':
      return f((i + 0.5) / f(scale));
  }
}

/** The element nearest to each of the result. */
function nearestOf(axis: Axis, { coordinates, nearest }: Method): number[] {
  const round = {
    round_prefer_floor: (x: number) => Math.ceil(x - 0.5),
    round_prefer_ceil: (x: number) => Math.floor(x + 0.5),
    floor: Math.floor,
    ceil: Math.ceil,
  }[nearest];
  return Array.from({ length: axis.to }, (_, i) => {
    return Math.min(Math.max(round(placeOf(i, axis, coordinates)), 0), axis.from - 1);
  });
}

/** An axis of the image by its weights: a product with a matrix, exact in all derivatives. */
function weighted(call: Call, image: Tensor, at: number, axis: Axis, method: Method): Tensor {
  const { from, to } = axis;
  call.spend(from * to + LIST * to * (2 * halfWidthOf(axis, method) + 1));
  const matrix = constant(weightsOf(axis, method), [from, to], image.dtype);
  const last = image.rank - 1;
  const exchange = image.shape.map((_, i) => (i === at ? last : i === last ? at : i));
  const turned = at === last ? image : image.transpose(exchange);
  const rows = turned.reshape([-1, from]).matmul(matrix);
  const result = rows.reshape([...turned.shape.slice(0, -1), to]);
  return at === last ? result : result.transpose(exchange);
}

/** `[from, to]`: the weight of each old element in each new one. */
function weightsOf(axis: Axis, method: Method): Float64Array {
  const { from, to } = axis;
  const matrix = new Float64Array(from * to);
  if (method.mode === 'nearest') {
    nearestOf(axis, method).forEach((place, i) => (matrix[place * to + i] = 1));
    return matrix;
  }
  const kernel = method.mode === 'linear' ? linearWeight : (x: number) => cubicWeight(x, method.cubic);
  const width = widthOf(axis, method);
  const reach = halfWidthOf(axis, method);
  for (let i = 0; i < to; i++) {
    const place = placeOf(i, axis, method.coordinates);
    const first = Math.floor(place - reach) + 1;
    const last = Math.ceil(place + reach) - 1;
    const isInside = (j: number): boolean => !method.excludesOutside || (j >= 0 && j < from);
    const near = Array.from({ length: last - first + 1 }, (_, j) => first + j).filter(isInside);
    const weights = near.map((j) => kernel((j - place) / width));
    const total = method.excludesOutside || method.antialias ? weights.reduce((sum, weight) => sum + weight, 0) : 1;
    near.forEach((j, n) => {
      matrix[Math.min(Math.max(j, 0), from - 1) * to + i]! += weights[n]! / total;
    });
  }
  return matrix;
}

/** How much the kernel is widened: to make an image smaller without aliasing, it spans the distance of the new elements. */
function widthOf({ scale }: Axis, { antialias }: Method): number {
  return antialias && scale < 1 ? 1 / scale : 1;
}

/** Distance, in old elements, from which on the kernel is zero. */
function halfWidthOf(axis: Axis, method: Method): number {
  return { nearest: 0, linear: 1, cubic: 2 }[method.mode] * widthOf(axis, method);
}

function linearWeight(x: number): number {
  return Math.max(0, 1 - Math.abs(x));
}

/** The cubic convolution of Keys (1981), `a` being the slope at distance 1. */
function cubicWeight(x: number, a: number): number {
  const d = Math.abs(x);
  if (d >= 2) return 0;
  return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

/** Scaling of images and other tensors. */
export const resizing: Operators = { Resize: resize };

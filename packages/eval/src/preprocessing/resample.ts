/** The neighbours of every output pixel along one axis, with their weights. */
export interface Taps {
  /** The first neighbour of each output pixel. */
  readonly first: Int32Array;
  /** Number of neighbours of an output pixel. */
  readonly count: number;
  /** `[outputs, count]`; zero where there are fewer neighbours. */
  readonly weights: Float64Array;
}

/** Output pixels along an axis. */
export interface Outputs {
  /** Number of pixels of the whole resized image. */
  readonly whole: number;
  /** The first pixel that is wanted. */
  readonly first: number;
  /** The number of pixels that are wanted. */
  readonly count: number;
}

/**
 * Bicubic filter (`a = -1/2`) as Pillow applies it: half-pixel centres, and widened by the scale when an image
 * shrinks, so that nothing aliases.
 *
 * @param inputs extent of the image along the axis
 */
export function bicubicTaps(inputs: number, outputs: Outputs): Taps {
  const scale = inputs / outputs.whole;
  const width = Math.max(1, scale);
  const support = 2 * width;
  const count = Math.ceil(support) * 2 + 1;
  return tapsOf(outputs, count, (i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(inputs, Math.trunc(centre + support + 0.5));
    const weights = Array.from({ length: end - first }, (_, k) => cubic((first + k - centre + 0.5) / width));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: weights.map((weight) => weight / total) };
  });
}

/**
 * Bilinear interpolation between the two nearest pixels, whatever the scale.
 *
 * @param centres `half-pixel`: output i lies at `(i + 1/2) inputs / outputs - 1/2`, as in PyTorch without `align_corners`.
 *   `corner`: at `i inputs / outputs`, as in TensorFlow 1; positions in float32 as there
 */
export function bilinearTaps(inputs: number, outputs: Outputs, centres: 'half-pixel' | 'corner'): Taps {
  const scale = Math.fround(inputs / outputs.whole);
  return tapsOf(outputs, 2, (i) => {
    const at = centres === 'corner' ? Math.fround(i * scale) : Math.max(0, Math.fround((i + 0.5) * scale) - 0.5);
    const first = Math.min(inputs - 1, Math.floor(at));
    const share = Math.fround(at - first);
    return first === inputs - 1 ? { first, weights: [1] } : { first, weights: [1 - share, share] };
  });
}

function tapsOf(
  { first: start, count: outputs }: Outputs,
  count: number,
  tap: (output: number) => { readonly first: number; readonly weights: readonly number[] },
): Taps {
  const firsts = new Int32Array(outputs);
  const all = new Float64Array(outputs * count);
  for (let i = 0; i < outputs; i++) {
    const { first, weights } = tap(start + i);
    firsts[i] = first;
    all.set(weights, i * count);
  }
  return { first: firsts, count, weights: all };
}

/** Keys' cubic convolution kernel with `a = -1/2`. */
function cubic(x: number): number {
  const a = -0.5;
  const d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

/** Pillow's weights for 8-bit pixels are in fixed point, with this many bits after the point. */
const BITS = 22;

/** Weights in Pillow's fixed point. */
export function inFixedPoint({ weights, ...taps }: Taps): Taps {
  return { ...taps, weights: weights.map((w) => Math.trunc(w * 2 ** BITS + (w < 0 ? -0.5 : 0.5))) };
}

/**
 * Resizes one plane of 8-bit pixels as Pillow does: along the rows, then along the columns, in fixed point, each result
 * rounded to 8 bits.
 *
 * @param plane `[height, width]`
 * @param horizontal, vertical in fixed point
 */
export function resizeBytes(plane: Uint8Array, width: number, horizontal: Taps, vertical: Taps): Uint8Array {
  const height = plane.length / width;
  const columns = horizontal.first.length;
  const turned = transposed(plane, new Uint8Array(plane.length), width);
  const rows = sumLines(turned, new Uint8Array(columns * height), height, horizontal, byteLine);
  const upright = transposed(rows, new Uint8Array(rows.length), height);
  return sumLines(upright, new Uint8Array(vertical.first.length * columns), columns, vertical, byteLine);
}

/** Resizes one plane of numbers along the rows, then along the columns, each result rounded to float32. */
export function resizeFloats(plane: Float32Array, width: number, horizontal: Taps, vertical: Taps): Float32Array {
  const height = plane.length / width;
  const columns = horizontal.first.length;
  const turned = transposed(plane, new Float32Array(plane.length), width);
  const rows = sumLines(turned, new Float32Array(columns * height), height, horizontal, floatLine);
  const upright = transposed(rows, new Float32Array(rows.length), height);
  return sumLines(upright, new Float32Array(vertical.first.length * columns), columns, vertical, floatLine);
}

function transposed<T extends Uint8Array | Float32Array>(plane: T, result: T, width: number): T {
  const height = plane.length / width;
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) result[x * height + y] = plane[at++]!;
  }
  return result;
}

/** Writes the weighted sum of lines of `input`, the first at `from`, to the line of `output` at `to`. */
type SumLine<T> = (input: T, from: number, output: T, to: number, width: number, weights: Float64Array) => void;

/** Computes whole lines from lines, so that the innermost loops run along them. */
function sumLines<T extends Uint8Array | Float32Array>(
  input: T,
  output: T,
  width: number,
  { first, count, weights }: Taps,
  sumLine: SumLine<T>,
): T {
  const height = input.length / width;
  for (let i = 0; i < first.length; i++) {
    let used = Math.min(count, height - first[i]!);
    while (weights[i * count + used - 1] === 0) used--;
    const own = weights.subarray(i * count, i * count + used);
    sumLine(input, first[i]! * width, output, i * width, width, own);
  }
  return output;
}

/** Sums of these whole numbers fit in 32 bits, as they do in Pillow. */
const byteLine: SumLine<Uint8Array> = (input, from, output, to, width, weights) => {
  const half = 1 << (BITS - 1);
  if (weights.length === 4) {
    // Every line of an enlarged image has four weights.
    const [a = 0, b = 0, c = 0, d = 0] = weights;
    for (let x = 0; x < width; x++) {
      const at = from + x;
      const near = Math.imul(b, input[at + width]!) + Math.imul(c, input[at + 2 * width]!);
      const sum = (near + Math.imul(a, input[at]!) + Math.imul(d, input[at + 3 * width]!) + half) | 0;
      output[to + x] = toByte(sum >> BITS);
    }
    return;
  }
  for (let x = 0; x < width; x++) {
    let sum = half;
    for (let k = 0, at = from + x; k < weights.length; k++, at += width) {
      sum = (sum + Math.imul(weights[k]!, input[at]!)) | 0;
    }
    output[to + x] = toByte(sum >> BITS);
  }
};

function toByte(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

const floatLine: SumLine<Float32Array> = (input, from, output, to, width, weights) => {
  for (let x = 0; x < width; x++) {
    let sum = 0;
    for (let k = 0, at = from + x; k < weights.length; k++, at += width) sum += weights[k]! * input[at]!;
    output[to + x] = sum;
  }
};

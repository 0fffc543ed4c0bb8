/** The neighbours of every output pixel along one axis, with their weights. */
export interface Taps {
  /** First neighbour of each output pixel. */
  readonly first: Int32Array;
  /** Neighbours of an output pixel. */
  readonly count: number;
  /** `[outputs, count]`; zero where there are fewer neighbours. */
  readonly weights: Float64Array;
}

/**
 * Bicubic filter (`a = -1/2`) as Pillow applies it: half-pixel centres, and widened by the scale where an image gets
 * smaller, so that nothing aliases.
 *
 * @param inputs extent of the image along the axis
 * @param outputs extent wanted
 */
export function bicubicTaps(inputs: number, outputs: number): Taps {
  const scale = inputs / outputs;
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
export function bilinearTaps(inputs: number, outputs: number, centres: 'half-pixel' | 'corner'): Taps {
  const scale = Math.fround(inputs / outputs);
  return tapsOf(outputs, 2, (i) => {
    const at = centres === 'corner' ? Math.fround(i * scale) : Math.max(0, Math.fround((i + 0.5) * scale) - 0.5);
    const first = Math.min(inputs - 1, Math.floor(at));
    const share = Math.fround(at - first);
    return first === inputs - 1 ? { first, weights: [1] } : { first, weights: [1 - share, share] };
  });
}

function tapsOf(
  outputs: number,
  count: number,
  tap: (output: number) => { readonly first: number; readonly weights: readonly number[] },
): Taps {
  const firsts = new Int32Array(outputs);
  const all = new Float64Array(outputs * count);
  for (let i = 0; i < outputs; i++) {
    const { first, weights } = tap(i);
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

/** Weights of Pillow for 8-bit pixels are in fixed point, with this many bits after the point. */
const BITS = 22;

/**
 * Resizes one plane of 8-bit pixels as Pillow does: along the rows, then along the columns, in fixed point, each result
 * rounded to 8 bits.
 *
 * @param plane `[height, width]`
 */
export function resizeBytes(plane: Uint8Array, width: number, horizontal: Taps, vertical: Taps): Uint8Array {
  const fixed = ({ weights, ...taps }: Taps): Taps => ({
    ...taps,
    weights: weights.map((w) => Math.trunc(w * 2 ** BITS + (w < 0 ? -0.5 : 0.5))),
  });
  // Sums of these whole numbers are exact.
  const toByte = (sum: number): number => Math.max(0, Math.min(255, Math.floor(sum / 2 ** BITS + 0.5)));
  return resized(plane, width, { horizontal: fixed(horizontal), vertical: fixed(vertical), round: toByte });
}

/** Resizes one plane of numbers along the rows, then along the columns, each result rounded to float32. */
export function resizeFloats(plane: Float32Array, width: number, horizontal: Taps, vertical: Taps): Float32Array {
  return resized(plane, width, { horizontal, vertical, round: Math.fround });
}

function resized<T extends Uint8Array | Float32Array>(
  plane: T,
  width: number,
  { horizontal, vertical, round }: { horizontal: Taps; vertical: Taps; round: (sum: number) => number },
): T {
  const height = plane.length / width;
  const outputs = horizontal.first.length;
  const make = plane.constructor as new (length: number) => T;
  const rows = new make(height * outputs);
  pass(plane, rows, round, { taps: horizontal, lines: height, from: [width, 1], to: [outputs, 1], extent: width });
  const result = new make(vertical.first.length * outputs);
  pass(rows, result, round, { taps: vertical, lines: outputs, from: [1, outputs], to: [1, outputs], extent: height });
  return result;
}

/** Where the pixels of a pass are: distances between lines and between the pixels of a line. */
interface Pass {
  readonly taps: Taps;
  readonly lines: number;
  readonly from: readonly [line: number, pixel: number];
  readonly to: readonly [line: number, pixel: number];
  /** Pixels of an input line. */
  readonly extent: number;
}

function pass<T extends Uint8Array | Float32Array>(
  input: T,
  output: T,
  round: (sum: number) => number,
  { taps: { first, count, weights }, lines, from, to, extent }: Pass,
): void {
  for (let i = 0; i < first.length; i++) {
    const start = first[i]!;
    const end = Math.min(count, extent - start);
    for (let line = 0; line < lines; line++) {
      let sum = 0;
      let at = line * from[0] + start * from[1];
      for (let k = 0; k < end; k++, at += from[1]) sum += input[at]! * weights[i * count + k]!;
      output[line * to[0] + i * to[1]] = round(sum);
    }
  }
}

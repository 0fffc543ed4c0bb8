import type { Tensor } from '@flowmap/tensor';
import type { Context } from './context.js';
import { minimalFiltering } from './winograd.js';

/** Pixels of a result tile and taps of the kernel, in each direction. */
const [TILE, TAPS] = [4, 3];
/** Values of the filtering in each direction; a tile takes 36 products per input and output channel instead of 144. */
const VALUES = TILE + TAPS - 1;
const PRODUCTS = VALUES ** 2;
// The customary integer points up to 2 lead to twice the rounding errors.
const filtering = minimalFiltering(TILE, TAPS, [0, 1, -1, 1 / 2, -2]);
/** Number of rows that a matrix product needs to be fast. */
const FEW_ROWS = 32;

/**
 * Whether a convolution takes half as many operations with minimal filtering: a constant 3 x 3 kernel on a map small
 * enough that converting to tiles and back is a matrix product too.
 */
export function isMinimal(tensor: Tensor<'conv2d'>, { usesMinimalFiltering }: Context): boolean {
  const [x, weight] = tensor.operands as readonly [Tensor, Tensor];
  const { stride, dilation, groups } = tensor.attributes;
  if (!usesMinimalFiltering || !weight.is('constant') || tensor.dtype !== 'float32') return false;
  if (weight.shape[2] !== TAPS || weight.shape[3] !== TAPS) return false;
  if (![...stride, ...dilation, groups].every((n) => n === 1)) return false;
  const [batch, o, rows, columns] = tensor.shape as [number, number, number, number];
  const direct = TAPS ** 2 * rows * columns * x.shape[1]! * o;
  const { strips, operations } = layOut(tensor);
  return strips.every(({ tiles }) => tiles * batch >= FEW_ROWS) && 2 * operations <= direct;
}

/** Rows of tiles that are computed together. */
interface Strip {
  /** Rows of pixels that it reads, from the first to before the last, and how far above the first its tiles begin. */
  readonly input: readonly [from: number, to: number];
  readonly above: number;
  /** Rows of pixels of the result. */
  readonly height: number;
  readonly grid: readonly [down: number, across: number];
  readonly tiles: number;
}

interface Layout {
  readonly strips: readonly Strip[];
  /** Multiplications per image. */
  readonly operations: number;
}

/** The whole map as one strip, or a strip for each row of tiles if that saves a quarter of the operations. */
function layOut(tensor: Tensor<'conv2d'>): Layout {
  const [, c, height, width] = tensor.operands[0]!.shape as [number, number, number, number];
  const [, o, rows, columns] = tensor.shape as [number, number, number, number];
  const [top] = tensor.attributes.padding;
  const across = Math.ceil(columns / TILE);
  const inStrips = (step: number): Layout => {
    const starts = Array.from({ length: Math.ceil(rows / step) }, (_, i) => i * step);
    const strips = starts.map((start): Strip => {
      const here = Math.min(step, rows - start);
      const down = Math.ceil(here / TILE);
      const from = Math.min(Math.max(start - top, 0), height - 1);
      const to = Math.min(Math.max(start - top + TILE * down + TAPS - 1, from + 1), height);
      return { input: [from, to], above: from - start + top, height: here, grid: [down, across], tiles: down * across };
    });
    const operations = strips.map(({ input: [from, to], height, tiles }) => {
      return PRODUCTS * tiles * (c * o + (to - from) * width * c + height * columns * o);
    });
    return { strips, operations: operations.reduce((sum, n) => sum + n, 0) };
  };
  const [whole, divided] = [inStrips(rows), inStrips(TILE)];
  return divided.operations < 0.75 * whole.operations ? divided : whole;
}

/**
 * A convolution by minimal filtering in two dimensions, `Y = A^T ((G g G^T) * (B^T d B)) A` for tiles `Y` of 4 x 4
 * pixels, in three matrix products for each strip: `B^T d B` of all tiles, one product of channels for each of the 36
 * values, and `A^T . A` of all tiles.
 *
 * @param bias bias of each channel, if any
 */
export function minimalConv(tensor: Tensor<'conv2d'>, { graph, value }: Context, bias?: string): string {
  const [x, weight] = tensor.operands as readonly [Tensor, Tensor<'constant'>];
  const [batch, c, height, width] = x.shape as [number, number, number, number];
  const [, o, rows, columns] = tensor.shape as [number, number, number, number];
  const left = tensor.attributes.padding[1];
  const reshaped = (name: string, shape: readonly number[]): string =>
    graph.node('Reshape', [name, graph.integers(shape)]);
  const matrix = (m: Matrix, grid: Strip['grid'], size: Size, offset: Size): string =>
    graph.once(`tiles ${[m[0]!.length, grid, size, offset].join()}`, () =>
      graph.constant(tiled(m, grid, size, offset), {
        shape: [PRODUCTS * grid[0] * grid[1], size[0] * size[1]],
        dtype: 'float32',
      }),
    );
  const kernels = graph.once(weight, () =>
    graph.constant(transformedKernels(weight), { shape: [PRODUCTS, c, o], dtype: 'float32' }),
  );

  const image = reshaped(value(x), [batch * c, height * width]);
  const { strips } = layOut(tensor);
  const results = strips.map(({ input: [from, to], above, height: here, grid, tiles }) => {
    const bounds = (): string[] => [[from * width], [to * width], [1]].map((at) => graph.integers(at));
    const pixels = to - from === height ? image : graph.node('Slice', [image, ...bounds()]);
    const intoTiles = matrix(filtering.input, grid, [to - from, width], [above, left]);
    const outOfTiles = matrix(transposed(filtering.output), grid, [here, columns], [0, 0]);
    const values = graph.node('Gemm', [intoTiles, pixels], { transB: 1 });
    const products = graph.node('MatMul', [reshaped(values, [PRODUCTS, tiles * batch, c]), kernels]);
    return graph.node('Gemm', [reshaped(products, [PRODUCTS * tiles, batch * o]), outOfTiles], { transA: 1 });
  });
  const joined = results.length === 1 ? results[0]! : graph.node('Concat', results, { axis: 1 });
  const result = reshaped(joined, [batch, o, rows, columns]);
  return bias === undefined ? result : graph.node('Add', [result, reshaped(bias, [1, o, 1, 1])]);
}

type Matrix = readonly (readonly number[])[];
type Size = readonly [down: number, across: number];

/**
 * The matrix that computes values from the pixels of an image, or the reverse: row `(a, b, i, j)` holds
 * `m[a][k] m[b][l]` at pixel `(4 i + k - top, 4 j + l - left)`, where that is inside the image.
 */
function tiled(m: Matrix, [down, across]: Size, [height, width]: Size, [top, left]: Size): Float64Array {
  const size = m[0]!.length;
  const result = new Float64Array(PRODUCTS * down * across * height * width);
  let row = 0;
  for (let a = 0; a < VALUES; a++) {
    for (let b = 0; b < VALUES; b++) {
      for (let i = 0; i < down; i++) {
        for (let j = 0; j < across; j++, row++) {
          for (let k = 0; k < size; k++) {
            const y = TILE * i + k - top;
            for (let l = 0; l < size; l++) {
              const x = TILE * j + l - left;
              if (y < 0 || y >= height || x < 0 || x >= width) continue;
              result[(row * height + y) * width + x] = m[a]![k]! * m[b]![l]!;
            }
          }
        }
      }
    }
  }
  return result;
}

function transposed(m: Matrix): Matrix {
  return m[0]!.map((_, column) => m.map((row) => row[column]!));
}

/** `G g G^T` of each pair of channels, as `[values, c, o]`. */
function transformedKernels({ attributes: { data }, shape }: Tensor<'constant'>): Float64Array {
  const [o, c] = shape as [number, number, number, number];
  const { kernel } = filtering;
  const result = new Float64Array(PRODUCTS * c * o);
  const columns = new Float64Array(VALUES * TAPS);
  for (let out = 0; out < o; out++) {
    for (let channel = 0; channel < c; channel++) {
      const from = (out * c + channel) * TAPS ** 2;
      for (let a = 0; a < VALUES; a++) {
        for (let l = 0; l < TAPS; l++) {
          let sum = 0;
          for (let k = 0; k < TAPS; k++) sum += kernel[a]![k]! * data[from + k * TAPS + l]!;
          columns[a * TAPS + l] = sum;
        }
      }
      for (let a = 0; a < VALUES; a++) {
        for (let b = 0; b < VALUES; b++) {
          let sum = 0;
          for (let l = 0; l < TAPS; l++) sum += kernel[b]![l]! * columns[a * TAPS + l]!;
          result[((a * VALUES + b) * c + channel) * o + out] = sum;
        }
      }
    }
  }
  return result;
}

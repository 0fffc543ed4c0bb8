import type { Tensor } from '@flowmap/tensor';
import type { Context } from './context.js';
import { minimalFiltering } from './winograd.js';

/** Pixels of a tile of the result, each way, and taps of the kernel. */
const [TILE, TAPS] = [4, 3];
/** Values of the filtering each way, and products per channel in and out that a tile takes: 36, where it took 144. */
const VALUES = TILE + TAPS - 1;
const PRODUCTS = VALUES ** 2;
// Whole points up to 2, which are customary, lead to twice the rounding errors.
const filtering = minimalFiltering(TILE, TAPS, [0, 1, -1, 1 / 2, -2]);
/** Rows that a matrix product needs to be fast. */
const FEW_ROWS = 32;

/**
 * True for a convolution that takes half as many operations by minimal filtering: a 3 x 3 kernel known before, on a map so
 * small that moving all of it into tiles, and back, is a matrix product too.
 */
export function isMinimal(tensor: Tensor<'conv2d'>, { usesMinimalFiltering }: Context): boolean {
  const [x, weight] = tensor.operands as readonly [Tensor, Tensor];
  const { stride, dilation, groups } = tensor.attributes;
  if (!usesMinimalFiltering || !weight.is('constant') || tensor.dtype !== 'float32') return false;
  if (weight.shape[2] !== TAPS || weight.shape[3] !== TAPS) return false;
  if (![...stride, ...dilation, groups].every((n) => n === 1)) return false;
  const [c, height, width] = x.shape.slice(1) as [number, number, number];
  const [batch, o, rows, columns] = tensor.shape as [number, number, number, number];
  const tiles = Math.ceil(rows / TILE) * Math.ceil(columns / TILE);
  const direct = TAPS ** 2 * rows * columns * c * o;
  const minimal = PRODUCTS * tiles * (c * o + height * width * c + rows * columns * o);
  return tiles * batch >= FEW_ROWS && 2 * minimal <= direct;
}

/**
 * A convolution by minimal filtering in two dimensions, `Y = A^T ((G g G^T) * (B^T d B)) A` for tiles `Y` of 4 x 4 pixels, in
 * three matrix products: `B^T d B` of all tiles, one product of channels for each of the 36 values, and `A^T . A` of all tiles.
 *
 * @param bias of each channel, if there is one
 */
export function minimalConv(tensor: Tensor<'conv2d'>, { graph, value }: Context, bias?: string): string {
  const [x, weight] = tensor.operands as readonly [Tensor, Tensor<'constant'>];
  const [batch, c, height, width] = x.shape as [number, number, number, number];
  const [, o, rows, columns] = tensor.shape as [number, number, number, number];
  const [top, left] = tensor.attributes.padding;
  const grid = [Math.ceil(rows / TILE), Math.ceil(columns / TILE)] as const;
  const tiles = grid[0] * grid[1];
  const reshaped = (name: string, shape: readonly number[]): string =>
    graph.node('Reshape', [name, graph.integers(shape)]);
  const matrix = (what: string, shape: readonly [number, number], make: () => Float64Array): string =>
    graph.once(`${what} ${[shape, grid, height, width, top, left].join()}`, () =>
      graph.constant(make(), { shape, dtype: 'float32' }),
    );

  const intoTiles = matrix('into tiles', [PRODUCTS * tiles, height * width], () =>
    tiled(filtering.input, grid, [height, width], [top, left]),
  );
  const outOfTiles = matrix('out of tiles', [PRODUCTS * tiles, rows * columns], () =>
    tiled(transposed(filtering.output), grid, [rows, columns], [0, 0]),
  );
  const kernels = graph.once(weight, () =>
    graph.constant(transformedKernels(weight), { shape: [PRODUCTS, c, o], dtype: 'float32' }),
  );
  const inputs = graph.node('Gemm', [intoTiles, reshaped(value(x), [batch * c, height * width])], { transB: 1 });
  const products = graph.node('MatMul', [reshaped(inputs, [PRODUCTS, tiles * batch, c]), kernels]);
  const images = graph.node('Gemm', [reshaped(products, [PRODUCTS * tiles, batch * o]), outOfTiles], { transA: 1 });
  const result = reshaped(images, [batch, o, rows, columns]);
  return bias === undefined ? result : graph.node('Add', [result, reshaped(bias, [1, o, 1, 1])]);
}

/**
 * The matrix that takes values from the pixels of an image, or gives to them: row `(a, b, i, j)` holds `m[a][k] m[b][l]` at pixel
 * `(4 i + k - top, 4 j + l - left)`, where that is inside the image.
 */
function tiled(
  m: readonly (readonly number[])[],
  [down, across]: readonly [number, number],
  [height, width]: readonly [number, number],
  [top, left]: readonly [number, number],
): Float64Array {
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

function transposed(m: readonly (readonly number[])[]): number[][] {
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

import type { Program, Tensor } from '@flowmap/tensor';
import type { Graph } from '../graph.js';

/** Some rows of a constant matrix, by their name in the graph. */
export interface Block {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Number of bytes from which a matrix is worth cutting. */
const LEAST = 2 ** 25;

/** The most blocks of a matrix. */
const BLOCKS = 8;

/** Size in bytes from which glibc returns memory at once; of smaller blocks it may keep several that were freed. */
const MAPPED = 2 ** 25;

/** Blocks of at least `MAPPED` bytes if that leaves four of them, so that onnxruntime holds at most a quarter twice. */
function blockCount(bytes: number): number {
  const mapped = Math.floor(bytes / MAPPED);
  return mapped >= BLOCKS / 2 ? Math.min(BLOCKS, mapped) : BLOCKS;
}

/**
 * The blocks of rows that a matrix is cut into, if it is a large constant and more than a quarter of all constants of
 * the program. onnxruntime holds a constant twice while it lays it out, so an uncut matrix would take its memory once
 * more.
 */
export function constantBlocks({ nodes }: Program, graph: Graph): (matrix: Tensor) => readonly Block[] | undefined {
  const sizes = nodes.map((node) => (node.is('constant') ? node.attributes.data.byteLength : 0));
  const all = sizes.reduce((sum, bytes) => sum + bytes, 0);
  const known = new Map<Tensor, readonly Block[]>();
  return (matrix) => {
    const data = matrix.is('constant') ? matrix.attributes.data : undefined;
    if (!(data instanceof Float32Array) || matrix.rank !== 2 || matrix.dtype !== 'float32') return undefined;
    const [rows, columns] = matrix.shape as readonly [number, number];
    if (data.byteLength < LEAST || data.byteLength <= all / 4 || data.length !== matrix.size || rows < BLOCKS) {
      return undefined;
    }
    const count = blockCount(data.byteLength);
    const blocks =
      known.get(matrix) ??
      Array.from({ length: count }, (_, i): Block => {
        const [start, end] = [i, i + 1].map((block) => Math.floor((block * rows) / count)) as [number, number];
        const values = data.subarray(start * columns, end * columns);
        const name = graph.constant(values, { shape: [end - start, columns], dtype: 'float32' });
        return { name, start, end };
      });
    known.set(matrix, blocks);
    return blocks;
  };
}

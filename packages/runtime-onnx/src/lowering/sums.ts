import { isFloat, type DType, type Shape } from '@flowmap/tensor';
import { dataTypes, int64, type Graph } from '../graph.js';
import type { Lowering } from './context.js';

/**
 * Most terms that are added one after another. onnxruntime's CPU kernels (`ReduceSum`, `ReduceMean` and products with
 * ones alike) add up a whole run this way, in at most 32 lanes, and for equal numbers the error grows with the run:
 * 1e-6 of the sum at 2^10 terms, 1e-3 at 2^20. Longer runs are summed in parts, and then the parts are summed: 5e-7 at
 * any length.
 */
export const LONGEST = 256;

/** Shortest part. A number of terms without a divisor of at least this is padded with zeros, in a copy. */
const SHORTEST = 32;

/** An axis, or several consecutive ones. */
interface Run {
  readonly extent: number;
  readonly summed: boolean;
}

export const sum: Lowering<'sum'> = (tensor, { graph, value }) => {
  const { axes, keepDims } = tensor.attributes;
  const x = tensor.operands[0]!;
  // To ONNX an empty list of axes means all of them, so a reduction over none is left out.
  if (axes.length === 0) return value(x);
  if (x.dtype === 'int32') {
    // onnxruntime saturates at the largest int32, so the sum is an int64 whose lower half is kept.
    const wide = graph.node('Cast', [value(x)], { to: int64 });
    const total = graph.node('ReduceSum', [wide, graph.integers(axes)], { keepdims: keepDims ? 1 : 0 });
    return graph.node('Cast', [total], { to: dataTypes.int32 });
  }
  const runs = runsOf(x.shape, axes);
  const isShort = isOneSum(runs);
  if (!isFloat(x.dtype) || (isShort && !areRows(runs))) {
    return graph.node('ReduceSum', [value(x), graph.integers(axes)], { keepdims: keepDims ? 1 : 0 });
  }
  // Otherwise the sums of parts would be rounded to float16.
  const isWidened = !isShort && x.dtype === 'float16';
  const terms = isWidened ? graph.node('Cast', [value(x)], { to: dataTypes.float32 }) : value(x);
  const total = sumOfRuns(graph.shaped(terms, x.shape), runs, isWidened ? 'float32' : x.dtype, graph);
  const result = graph.reshape(total, tensor.shape);
  return isWidened ? graph.node('Cast', [result], { to: dataTypes.float16 }) : result;
};

/** `[outer, rows, columns]`. */
export type Block = readonly [outer: number, rows: number, columns: number];

/** Rows summed by a product with ones: onnxruntime's ReduceSum is several times slower if the last axis remains. */
export function sumOfRows(x: string, [outer, rows, columns]: Block, dtype: DType, graph: Graph): string {
  if (rows > LONGEST) {
    const part = partOf(rows);
    const parts = Math.ceil(rows / part);
    const filled = rows % part === 0 ? x : zerosAfter(x, [outer, rows, columns], parts * part, graph);
    return sumOfRows(
      sumOfRows(filled, [outer * parts, part, columns], dtype, graph),
      [outer, parts, columns],
      dtype,
      graph,
    );
  }
  const ones = graph.constant(Float64Array.of(1), { shape: [1, rows], dtype });
  if (outer === 1) return graph.shaped(graph.node('Gemm', [ones, graph.reshape(x, [rows, columns])]), [1, columns]);
  return graph.shaped(graph.node('MatMul', [ones, graph.reshape(x, [outer, rows, columns])]), [outer, 1, columns]);
}

/** The sums `[outer, columns]` of `[outer, rows, columns]`, in whatever shape. */
export function sumOfBlock(x: string, [outer, rows, columns]: Block, dtype: DType, graph: Graph): string {
  const runs = [
    { extent: outer, summed: false },
    { extent: rows, summed: true },
    { extent: columns, summed: false },
  ];
  return sumOfRuns(x, joint(runs), dtype, graph);
}

/** The sums over the summed runs, in whatever shape; the other runs are those of the result. */
function sumOfRuns(x: string, runs: readonly Run[], dtype: DType, graph: Graph): string {
  if (areRows(runs)) {
    const [rows, columns] = runs.slice(-2).map(({ extent }) => extent) as [number, number];
    return sumOfRows(x, [runs.length === 3 ? runs[0]!.extent : 1, rows, columns], dtype, graph);
  }
  if (isOneSum(runs)) {
    const extents = runs.map(({ extent }) => extent);
    const axes = runs.flatMap(({ summed }, axis) => (summed ? [axis] : []));
    const total = graph.node('ReduceSum', [graph.reshape(x, extents), graph.integers(axes)], { keepdims: 0 });
    return graph.shaped(
      total,
      extents.filter((_, axis) => !runs[axis]!.summed),
    );
  }
  // One run, or a part of it, at a time.
  const long = runs.findLastIndex(({ extent, summed }) => summed && extent > LONGEST);
  const at = long >= 0 ? long : runs.findLastIndex(({ summed }) => summed);
  const product = (some: readonly Run[]): number => some.reduce((size, { extent }) => size * extent, 1);
  const [outer, inner] = [product(runs.slice(0, at)), product(runs.slice(at + 1))];
  const { extent } = runs[at]!;
  const part = extent > LONGEST ? partOf(extent) : extent;
  const parts = Math.ceil(extent / part);
  const filled = extent % part === 0 ? x : zerosAfter(x, [outer, extent, inner], parts * part, graph);
  const sums =
    inner === 1
      ? sumOfParts(filled, outer === 1 ? [parts] : [outer, parts], part, graph)
      : sumOfBlock(filled, [outer * parts, part, inner], dtype, graph);
  const rest = [...runs.slice(0, at), { extent: parts, summed: true }, ...runs.slice(at + 1)];
  return sumOfRuns(sums, joint(rest), dtype, graph);
}

/** Sums of contiguous parts, in the shape that the next stage takes. */
function sumOfParts(x: string, parts: Shape, part: number, graph: Graph): string {
  const axis = graph.integers([parts.length]);
  return graph.shaped(graph.node('ReduceSum', [graph.reshape(x, [...parts, part]), axis], { keepdims: 0 }), parts);
}

function runsOf(shape: Shape, axes: readonly number[]): Run[] {
  return joint(shape.map((extent, axis) => ({ extent, summed: axes.includes(axis) })));
}

/** Runs with neighbours of the same kind joined, and without runs of one element. */
function joint(runs: readonly Run[]): Run[] {
  const joined: Run[] = [];
  for (const run of runs) {
    const last = joined.at(-1);
    if (run.extent === 1) continue;
    if (last?.summed === run.summed) joined.splice(-1, 1, { extent: last.extent * run.extent, summed: run.summed });
    else joined.push(run);
  }
  return joined;
}

/** Whether onnxruntime has a special kernel for the order of the runs, and no summed run is long. */
function isOneSum(runs: readonly Run[]): boolean {
  return runs.length <= 3 && runs.every(({ extent, summed }) => !summed || extent <= LONGEST);
}

/** Whether the runs are rows of some length to be summed. */
function areRows(runs: readonly Run[]): boolean {
  const [rows, columns] = runs.slice(-2);
  if (runs.length < 2 || runs.length > 3 || !rows!.summed) return false;
  return rows!.extent >= 8 && columns!.extent >= 16;
}

/**
 * Length of the parts in which a long run is summed: its largest divisor that is not too long, unless that is too
 * short.
 */
export function partOf(extent: number): number {
  for (let part = LONGEST; part >= SHORTEST; part--) if (extent % part === 0) return part;
  return LONGEST;
}

/** A block with rows of zeros appended. */
export function zerosAfter(x: string, [outer, rows, columns]: Block, extent: number, graph: Graph): string {
  const block = graph.reshape(x, [outer, rows, columns]);
  const filled = graph.node('Pad', [block, graph.integers([0, 0, 0, 0, extent - rows, 0])]);
  return graph.shaped(filled, [outer, extent, columns]);
}

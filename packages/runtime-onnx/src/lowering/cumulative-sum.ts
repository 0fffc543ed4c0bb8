import { isFloat, sizeOf } from '@flowmap/tensor';
import { dataTypes, type Graph } from '../graph.js';
import type { Lowering } from './context.js';
import { LONGEST, partOf, sumOfBlock, zerosAfter, type Block } from './sums.js';

/**
 * Long cumulative sums are computed in parts, each shifted by the sum of the previous parts, for the reason given at
 * {@link LONGEST}.
 */
export const cumsum: Lowering<'cumsum'> = ({ operands: [x], shape, dtype, attributes }, { graph, value }) => {
  const { axis } = attributes;
  const extent = shape[axis]!;
  if (!isFloat(dtype) || extent <= LONGEST) return whole(value(x!), axis, attributes, graph);
  const isWidened = dtype === 'float16';
  const terms = isWidened ? graph.node('Cast', [value(x!)], { to: dataTypes.float32 }) : value(x!);
  const block = [sizeOf(shape.slice(0, axis)), extent, sizeOf(shape.slice(axis + 1))] as const;
  const sums = graph.node('Reshape', [inParts(terms, block, attributes, graph), graph.integers(shape)]);
  return isWidened ? graph.node('Cast', [sums], { to: dataTypes.float16 }) : sums;
};

interface Direction {
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

function whole(x: string, axis: number, { exclusive, reverse }: Direction, graph: Graph): string {
  const attributes = { exclusive: exclusive ? 1 : 0, reverse: reverse ? 1 : 0 };
  return graph.node('CumSum', [x, graph.scalar(axis, 'int32')], attributes);
}

/** Cumulative sums along the rows of `[outer, rows, columns]`. */
function inParts(x: string, block: Block, direction: Direction, graph: Graph): string {
  const [outer, rows, columns] = block;
  const reshaped = (value: string, shape: readonly number[]): string =>
    graph.node('Reshape', [value, graph.integers(shape)]);
  if (rows <= LONGEST) return whole(reshaped(x, block), 1, direction, graph);
  const part = partOf(rows);
  const parts = Math.ceil(rows / part);
  const filled = rows % part === 0 ? x : zerosAfter(x, block, parts * part, graph);
  const within = whole(reshaped(filled, [outer, parts, part, columns]), 2, direction, graph);
  const totals = sumOfBlock(filled, [outer * parts, part, columns], 'float32', graph);
  const before = inParts(totals, [outer, parts, columns], { ...direction, exclusive: true }, graph);
  const shifted = graph.node('Add', [within, reshaped(before, [outer, parts, 1, columns])]);
  if (rows % part === 0) return shifted;
  const bounds = [[0], [rows], [1]].map((values) => graph.integers(values));
  return graph.node('Slice', [reshaped(shifted, [outer, parts * part, columns]), ...bounds]);
}

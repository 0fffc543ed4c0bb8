import { describe, expect, it } from 'vitest';
import { concat, select, split } from '../library/functions.js';
import { simplify } from './simplify.js';
import { input, reachable, type Tensor } from '../graph/tensor.js';

/** Total number of elements that are computed. */
function work(y: Tensor): number {
  const [simplified] = simplify([y]);
  const computed = reachable([simplified!]).filter((node) => !node.is('input') && !node.is('constant'));
  return computed.reduce((sum, node) => sum + (node.is('broadcastTo') ? 0 : node.size), 0);
}

const time = input('t', [1]);
const row = input('row', [1, 4]);
const weight = input('w', [4, 6]);
const matrix = input('x', [50, 4]);

describe('what was repeated', () => {
  const tripled = time.broadcastTo([50]).mul(3);
  const first = row.slice([0, 0], [1, 1]).reshape([1]);
  // [name, computation of something repeated 50 times, number of elements computed once before the repetition].
  it.each<[string, Tensor, number]>([
    ['passes through a function', time.broadcastTo([50]).sin(), 1],
    ['and arithmetic with a number or another', tripled.sub(first.broadcastTo([50])), 1 + 1 + 1 + 1],
    ['and comparisons and casts', select(row.broadcastTo([50, 4]).less(0), 1, 2), 4 + 4],
    ['and a column that it becomes', time.broadcastTo([50]).reshape([50, 1]).exp(), 1 + 1],
    ['and pieces of it', split(row.broadcastTo([50, 4]), 2, 1)[1]!.exp(), 2 + 2],
    ['and is joined', concat([row.broadcastTo([50, 4]).cos(), row.broadcastTo([50, 4]).sin()], 1), 4 + 4 + 8],
    ['and is multiplied by a matrix', row.broadcastTo([50, 4]).matmul(weight).exp(), 6 + 6],
    ['from one number', input('s', []).broadcastTo([50, 4]).matmul(weight), 1 + 6],
  ])('%s', (_, y, wanted) => {
    expect(work(y)).toBeLessThanOrEqual(wanted);
    expect(simplify([y])[0]!.shape).toEqual(y.shape);
  });

  it('keeps its new axes, whole or in part', () => {
    const groups = input('groups', [2, 3, 1]).broadcastTo([2, 3, 40]);
    // Each group has two channels, and each channel 20 pixels.
    expect(work(groups.reshape([2, 6, 4, 5]).exp())).toBe(2 * 6 + 2 * 6);
    expect(work(groups.reshape([2, 6, 20]).mul(input('x', [2, 6, 20])))).toBe(2 * 6 + 240);
    expect(work(groups.reshape([2, 3, 5, 8]).exp())).toBe(2 * 3 + 2 * 3);
    // Rows hold parts of different groups, so each number is needed.
    expect(work(groups.reshape([2, 120]).exp())).toBe(2 * 240);
  });

  it('is repeated where each copy meets something else', () => {
    expect(work(matrix.add(row.broadcastTo([50, 4])).exp())).toBe(200 + 200);
    expect(work(concat([matrix, row.broadcastTo([50, 4])], 1))).toBe(400);
  });
});

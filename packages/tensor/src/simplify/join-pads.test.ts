import { referenceRuntime } from '@flowmap/runtime-reference';
import { expect, it } from 'vitest';
import { split } from '../library/functions.js';
import { hostTensor } from '../runtime/host-tensor.js';
import { joinPads } from './join-pads.js';
import { formatProgram, program } from '../program/program.js';
import { input } from '../graph/tensor.js';
import { evaluate } from '../testing/evaluate.js';
import { gradients } from '../autodiff/vjp.js';

const [a, b, c] = [input('a', [2, 1]), input('b', [2, 2]), input('c', [2, 3])];

it('joins pads that meet along one axis, in any order and as a tree of sums', () => {
  const [left, middle, right] = [a.pad([0, 1], [0, 5]), b.pad([0, 2], [0, 3]), c.pad([0, 4], [0, 0])];
  expect(joinPads([middle, left])).toEqual({ parts: [a, b], axis: 1, before: [0, 1], after: [0, 3] });
  expect(joinPads([left.add(right), middle])).toEqual({ parts: [a, b, c], axis: 1, before: [0, 1], after: [0, 0] });
});

it('leaves pads that overlap, leave a gap or move along two axes', () => {
  expect(joinPads([a.pad([0, 0], [0, 2]), b.pad([0, 0], [0, 1])])).toBeUndefined();
  expect(joinPads([a.pad([0, 0], [0, 3]), b.pad([0, 2], [0, 0])])).toBeUndefined();
  expect(joinPads([a.pad([0, 0], [1, 2]), b.pad([0, 1], [1, 0])])).toBeUndefined();
  expect(joinPads([a.pad([0, 0], [0, 1]), b])).toBeUndefined();
});

it('leaves sums that a graph shares, and stays fast where their tree would be exponential', () => {
  const [left, right] = [a.pad([0, 0], [0, 2]), b.pad([0, 1], [0, 0])];
  expect(joinPads([left, left])).toBeUndefined();
  expect(joinPads([left.add(right), left])).toBeUndefined();
  let sum = left.add(right);
  for (let i = 0; i < 200; i++) sum = sum.add(sum.add(right));
  expect(joinPads([sum, right])).toBeUndefined();
});

it('makes the gradient of a split one concatenation', async () => {
  const built = program('split', { inputs: { x: [2, 6] } }, ({ x }) => {
    const [first, second, third] = split(x, 3, 1);
    const loss = first!.mul(2).add(third!.square()).add(second!.mul(third!)).sum();
    return { outputs: { dx: gradients(loss, { x }).x } };
  });
  const text = formatProgram(built);
  expect(text.match(/concat/g)).toHaveLength(1);
  expect(text).not.toMatch(/pad/);
  const dx = await evaluate(
    referenceRuntime(),
    (x) => {
      const [first, second, third] = split(x, 3, 1);
      return gradients(first!.mul(2).add(third!.square()).add(second!.mul(third!)).sum(), [x]);
    },
    [hostTensor([2, 6], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])],
  );
  // d/d first = 2, d/d second = third, d/d third = 2 third + second.
  expect(Array.from(dx[0]!.data)).toEqual([2, 2, 5, 6, 13, 16, 2, 2, 11, 12, 31, 34]);
});

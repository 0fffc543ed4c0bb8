import { dit } from '@flowmap/core';
import { ayfEmd } from '@flowmap/objectives';
import { input, type Program } from '@flowmap/tensor';
import { objectivePhase, phasePrograms, trainee } from '@flowmap/train';
import { expect, test } from 'vitest';

/** The training step of a narrow transformer, and how many tensors were made to build it. */
function stepOf(depth: number): { readonly step: Program; readonly made: number } {
  const size = { width: 16, heads: 2, depth, classes: 10, interval: true };
  const network = dit({ shape: [3, 8, 8], ...size });
  const before = input('before', []).id;
  const model = { kind: 'flowMap', network, params: network.init(0), classes: [] } as const;
  const student = trainee({ model, learningRate: 1e-3 });
  const phase = objectivePhase({ network, objective: ayfEmd({ teacher: false }), batchSize: 2, seed: 0 });
  const step = phasePrograms(phase, { student }).update;
  return { step, made: input('after', []).id - before };
}

test('a program of 10,000 nodes costs as much a node to trace, differentiate and simplify as a small one', () => {
  const [small, middle, large] = [stepOf(6), stepOf(12), stepOf(24)];
  expect(large.step.nodes.length).toBeGreaterThanOrEqual(10_000);
  // Every block adds as many nodes, and as many tensors that tracing and rewriting make on the way: growth is linear.
  const nodes = [small, middle, large].map(({ step }) => step.nodes.length) as [number, number, number];
  const made = [small, middle, large].map(({ made }) => made) as [number, number, number];
  expect(nodes[2] - nodes[1]).toBe(2 * (nodes[1] - nodes[0]));
  expect(made[2] - made[1]).toBe(2 * (made[1] - made[0]));
  expect(made[2]).toBeLessThan(3 * nodes[2]);
});

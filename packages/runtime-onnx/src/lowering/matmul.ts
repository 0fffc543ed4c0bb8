import type { Lowering } from './context.js';

export const matmul: Lowering<'matmul'> = ({ operands: [a, b], attributes, rank }, { graph, value }) => {
  const [transA, transB] = [attributes.transposeA ? 1 : 0, attributes.transposeB ? 1 : 0];
  const inputs = [value(a!), value(b!)];
  if (rank === 2) return graph.node('Gemm', inputs, { transA, transB });
  return graph.node('FusedMatMul', inputs, { transA, transB }, 'com.microsoft');
};

import { expect, it } from 'vitest';
import { attention } from '../library/attention.js';
import { countFlops } from './flops.js';
import { conv2d, linear } from '../library/functions.js';
import { bind, input, type Tensor } from '../graph/tensor.js';
import { grad } from '../autodiff/vjp.js';

const x = (...shape: number[]): Tensor => input('x', shape);

it.each<[string, Tensor, number]>([
  ['[3, 4] [4, 5]', x(3, 4).matmul(x(4, 5)), 2 * 3 * 4 * 5],
  ['batched', x(7, 3, 4).matmul(x(7, 4, 5)), 2 * 7 * 3 * 4 * 5],
  ['transposed', bind('matmul', [x(4, 3), x(5, 4)], { transposeA: true, transposeB: true }), 2 * 3 * 4 * 5],
  ['linear of tokens', linear(x(2, 8, 4), x(4, 5)), 2 * 16 * 4 * 5],
  // Q K^T and the weighted sum of V: 2 n n d each, per head.
  ['attention', attention(x(2, 3, 8, 4), x(2, 3, 8, 4), x(2, 3, 8, 4)), 2 * (2 * 2 * 3 * 8 * 8 * 4)],
  ['3x3 convolution', conv2d(x(2, 3, 8, 8), x(5, 3, 3, 3), { padding: 1 }), 2 * (2 * 5 * 8 * 8) * (3 * 3 * 3)],
  ['element-wise work', x(100).exp().add(1).sum(), 0],
])('%s', (_, tensor, flops) => {
  expect(countFlops([tensor])).toBe(flops);
});

it('counts a tensor that is used twice once', () => {
  const y = x(3, 3).matmul(x(3, 3));
  expect(countFlops([y, y.add(y), y.exp()])).toBe(54);
});

it('a backward pass is twice the forward', () => {
  const [a, w] = [x(6, 4), x(4, 5)];
  const forward = countFlops([a.matmul(w)]);
  expect(countFlops(grad((a, w) => a.matmul(w).square().sum(), [a, w]))).toBe(3 * forward);
  const [image, kernel] = [x(2, 3, 9, 9), x(4, 3, 3, 3)];
  const options = { stride: 2, padding: 1 };
  const convolution = countFlops([conv2d(image, kernel, options)]);
  expect(countFlops(grad((x, w) => conv2d(x, w, options).square().sum(), [image, kernel]))).toBe(3 * convolution);
});

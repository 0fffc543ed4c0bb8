import type { Kernel } from '../device.js';
import type { TensorInfo } from '../tfjs.js';
import { namedInputs, type Wasm } from './wasm.js';

/** Number of multiplications from which preparing operands for XNNPACK costs less than the plain loop. */
const enoughWork = 32 ** 3;

/**
 * Number of terms from which a product is a sum of products: terms are added one after another, which for equal terms
 * has a relative error of 2e-5 at this number and 1e-2 at 2^20.
 */
const longProduct = 4096;

/** Terms of each of these products. */
const part = 1024;

/**
 * Product of `[batch, m, k]` and `[batch, k, n]` that always runs on XNNPACK. The registered kernel does so only for
 * one pair of untransposed matrices (20 times as fast as the loop it uses otherwise), and caches the packed right
 * operand by its buffer alone, so the same buffer in another shape gives garbage.
 */
export function batchMatMul({ heap, native }: Wasm): Kernel {
  const multiply = native('BatchMatMul');
  const add = native('Add');
  const flip = native('Transpose');
  /** Shape in which each buffer was first a right operand. */
  const packedAs = new WeakMap<object, string>();

  const copyInto = (target: TensorInfo, at: number, source: TensorInfo, from: number, count: number): void => {
    const values = heap.view(source).subarray(from, from + count);
    heap.view(target).set(values, at);
  };
  const product = (a: TensorInfo, b: TensorInfo): TensorInfo =>
    a.shape[2]! > longProduct ? inParts(a, b) : multiply({ a, b }, { transposeA: false, transposeB: false });

  /** `[1, m, k] x [1, k, n]`, some columns of the first and rows of the second at a time. */
  const inParts = (a: TensorInfo, b: TensorInfo): TensorInfo => {
    const [, m, k] = a.shape as [number, number, number];
    const n = b.shape[2]!;
    let total = heap.allocate([1, m, n]);
    heap.view(total).fill(0);
    for (let start = 0; start < k; start += part) {
      const count = Math.min(part, k - start);
      const [left, right] = [heap.allocate([1, m, count]), heap.allocate([1, count, n])];
      for (let row = 0; row < m; row++) copyInto(left, row * count, a, row * k + start, count);
      copyInto(right, 0, b, start * n, count * n);
      const matrix = product(left, right);
      const sum = add({ a: total, b: matrix }, {});
      for (const info of [left, right, matrix, total]) heap.release(info);
      total = sum;
    }
    return total;
  };

  /** `[1, m, k] x [1, k, n]`. */
  const single = (a: TensorInfo, b: TensorInfo): TensorInfo => {
    const shape = b.shape.join();
    const packed = packedAs.get(b.dataId);
    if (packed === undefined) packedAs.set(b.dataId, shape);
    if (packed === undefined || packed === shape) return product(a, b);
    const copy = heap.allocate(b.shape);
    copyInto(copy, 0, b, 0, b.shape[1]! * b.shape[2]!);
    const result = product(a, copy);
    heap.release(copy);
    return result;
  };

  const oneByOne = (a: TensorInfo, b: TensorInfo): TensorInfo => {
    const [batch, m, k] = a.shape as [number, number, number];
    const n = b.shape[2]!;
    const result = heap.allocate([batch, m, n]);
    const left = heap.allocate([1, m, k]);
    for (let i = 0; i < batch; i++) {
      const right = heap.allocate([1, k, n]);
      copyInto(left, 0, a, i * m * k, m * k);
      copyInto(right, 0, b, i * k * n, k * n);
      const matrix = product(left, right);
      copyInto(result, i * m * n, matrix, 0, m * n);
      heap.release(right);
      heap.release(matrix);
    }
    heap.release(left);
    return result;
  };

  return (inputs, attributes) => {
    const { a, b } = namedInputs<'a' | 'b'>(inputs);
    const { transposeA, transposeB } = attributes;
    const work = a.shape[1]! * a.shape[2]! * b.shape[transposeB === true ? 1 : 2]!;
    const plain = transposeA === false && transposeB === false;
    const isShort = a.shape[transposeA === true ? 1 : 2]! <= longProduct;
    if (work < enoughWork && isShort && !(plain && a.shape[0] === 1)) return multiply(inputs, attributes);
    const left = transposeA === true ? flip({ x: a }, { perm: [0, 2, 1] }) : a;
    const right = transposeB === true ? flip({ x: b }, { perm: [0, 2, 1] }) : b;
    const result = a.shape[0] === 1 ? single(left, right) : oneByOne(left, right);
    if (left !== a) heap.release(left);
    if (right !== b) heap.release(right);
    return result;
  };
}

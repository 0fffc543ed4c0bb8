import { fromBinary } from '@bufbuild/protobuf';
import { referenceRuntime } from '@flowmap/runtime-reference';
import {
  constant,
  conv2d,
  freeze,
  full,
  hostTensor,
  normals,
  program,
  relu,
  type Program,
  type Tensor,
} from '@flowmap/tensor';
import { ModelProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { onnxRuntime } from '../onnx-runtime.js';
import { modelOf, toOnnx } from '../to-onnx.js';
import { cpuRules } from './table.js';

const draw = (purpose: string, size: number): Float32Array =>
  Float32Array.from(normals({ seed: 0, purpose }, size), (z) => 3 * z);

/** A convolution with stride 2 and an odd pixel of padding, and the operators made of it. */
function built(after: (y: Tensor) => Tensor, constantKernel = true): Program {
  const shape = [16, 3, 3, 3];
  const live = program('cut off', { inputs: { x: [2, 3, 8, 8] }, state: { w: shape } }, ({ x }, { w }) => {
    const y = conv2d(x.pad([0, 0, 0, 0], [0, 0, 1, 1]), w, { stride: 2 });
    return { outputs: { y: after(y.add(constant(draw('b', 16), [16]).reshape([1, 16, 1, 1]))) } };
  });
  return constantKernel ? freeze(live, { w: hostTensor(shape, draw('w', 432)) }) : live;
}

const operators = (model: Uint8Array): string[] =>
  fromBinary(ModelProtoSchema, model).graph!.node.map(({ opType }) => opType);
const relu6 = (y: Tensor): Tensor => y.maximum(0).minimum(6);

describe('a convolution with a constant kernel that is cut off', () => {
  it.each<[title: string, after: (y: Tensor) => Tensor, operator: string]>([
    ['at zero', relu, 'Relu'],
    ['on both sides', relu6, 'Clip'],
    [
      'on both sides, in the other order of operands',
      (y) => full(1, y.shape).minimum(full(-2, y.shape).maximum(y)),
      'Clip',
    ],
  ])('%s, is right by one operator, and keeps a NaN', async (_, after, operator) => {
    expect(operators(modelOf(built(after), cpuRules()))).toEqual(['Pad', 'Conv', operator]);
    const x = hostTensor([2, 3, 8, 8], draw('x', 384));
    x.data[100] = NaN;
    const [got, wanted] = await Promise.all(
      [await onnxRuntime({ device: 'cpu', threads: 1 }), referenceRuntime()].map(async (runtime) => {
        const executable = await runtime.compile(built(after));
        const { y } = await executable.run({ x });
        const { data } = await y!.read();
        await executable.dispose();
        return data;
      }),
    );
    expect(wanted!.some(Number.isNaN)).toBe(true);
    // Sums of 27 products of float32, of numbers about 3.
    const isSame = (a: number, b: number): boolean => (Number.isNaN(b) ? Number.isNaN(a) : Math.abs(a - b) < 1e-4);
    expect(wanted!.findIndex((value, i) => !isSame(got![i]!, value))).toBe(-1);
  });

  it.each<[title: string, model: () => Uint8Array]>([
    ['a kernel that is not constant', () => modelOf(built(relu6, false), cpuRules())],
    [
      'a bound that is not zero',
      () =>
        modelOf(
          built((y) => y.maximum(1)),
          cpuRules(),
        ),
    ],
    [
      'bounds that cross',
      () =>
        modelOf(
          built((y) => y.maximum(1).minimum(0)),
          cpuRules(),
        ),
    ],
    [
      'a result that is used twice',
      () =>
        modelOf(
          built((y) => relu6(y).add(y)),
          cpuRules(),
        ),
    ],
    ['a model for a file', () => toOnnx(built(relu6))],
  ])('stays as it is with %s', (_, model) => {
    expect(operators(model()).filter((operator) => ['Relu', 'Clip'].includes(operator))).toEqual([]);
  });
});

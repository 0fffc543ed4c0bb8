import { fromBinary } from '@bufbuild/protobuf';
import { referenceRuntime } from '@flowmap/runtime-reference';
import {
  constant,
  conv2d,
  hostTensor,
  normals,
  program,
  sizeOf,
  type Program,
  type Shape,
  type Tensor,
} from '@flowmap/tensor';
import { ModelProtoSchema, type GraphProto } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { onnxRuntime } from '../onnx-runtime.js';
import { modelOf } from '../to-onnx.js';
import { cpuRules, standardRules } from './table.js';

const draw = (purpose: string, shape: Shape): Float32Array =>
  Float32Array.from(normals({ seed: 0, purpose }, sizeOf(shape)));
const drawn = (purpose: string, shape: Shape): Tensor => constant(draw(purpose, shape), shape);

function convolution(shape: Shape, kernel: Shape, options: Parameters<typeof conv2d>[2] = {}): Program {
  return program('convolution', { inputs: { x: shape } }, ({ x }) => ({
    outputs: { y: conv2d(x, drawn('kernel', kernel), options).add(drawn('bias', [1, kernel[0]!, 1, 1])) },
  }));
}

const graphOf = (built: Program, rules = cpuRules()): GraphProto =>
  fromBinary(ModelProtoSchema, modelOf(built, rules)).graph!;
const isMinimal = (built: Program, rules = cpuRules()): boolean =>
  graphOf(built, rules).node.every(({ opType }) => opType !== 'Conv');

describe('a convolution with a constant 3 x 3 kernel on a small map', () => {
  it.each<[title: string, shape: Shape, channels: number, padding: [number, number]]>([
    ['one tile', [32, 40, 4, 4], 48, [1, 1]],
    ['two tiles', [16, 64, 4, 8], 80, [1, 1]],
    ['a part of a tile', [16, 128, 3, 8], 96, [1, 1]],
    ['a larger map', [8, 128, 8, 8], 136, [1, 1]],
    ['strips of tiles', [32, 56, 16, 4], 56, [1, 1]],
    ['strips, the last of half a tile', [32, 72, 16, 4], 64, [0, 1]],
    ['no zeros around it', [32, 56, 6, 6], 56, [0, 0]],
    ['more zeros than pixels', [32, 40, 2, 4], 40, [2, 1]],
  ])('is right by fewer products: %s', async (_, shape, channels, padding) => {
    const built = convolution(shape, [channels, shape[1]!, 3, 3], { padding });
    expect(isMinimal(built)).toBe(true);
    const x = hostTensor(shape, draw('x', shape));
    const [got, wanted] = await Promise.all(
      [await onnxRuntime({ device: 'cpu', threads: 1 }), referenceRuntime()].map(async (runtime) => {
        const { y } = await (await runtime.compile(built)).run({ x });
        return y!.read();
      }),
    );
    expect(got!.shape).toEqual(wanted!.shape);
    let [difference, scale] = [0, 0];
    for (const [i, value] of wanted!.data.entries()) {
      difference = Math.max(difference, Math.abs(value - got!.data[i]!));
      scale = Math.max(scale, Math.abs(value));
    }
    // The tiles' values are several times larger than the pixels: the largest error seen is 3.6e-6, that of a direct
    // sum 1e-6.
    expect(difference / scale).toBeLessThan(1e-5);
  });

  const [shape, kernel]: [Shape, Shape] = [
    [32, 40, 4, 4],
    [40, 40, 3, 3],
  ];
  it.each<[title: string, built: () => Program]>([
    ['a stride', () => convolution([32, 128, 8, 8], [128, 128, 3, 3], { padding: 1, stride: 2 })],
    ['a dilation', () => convolution([32, 64, 6, 6], [64, 64, 3, 3], { padding: 1, dilation: 2 })],
    ['groups', () => convolution(shape, [40, 20, 3, 3], { padding: 1, groups: 2 })],
    ['another kernel', () => convolution(shape, [40, 40, 5, 5], { padding: 2 })],
    ['few rows', () => convolution([31, 40, 4, 4], kernel, { padding: 1 })],
    ['few channels', () => convolution([32, 24, 4, 4], [24, 24, 3, 3], { padding: 1 })],
    ['a large map', () => convolution([8, 160, 32, 32], [160, 160, 3, 3], { padding: 1 })],
    [
      'a kernel that is an input',
      () =>
        program('free', { inputs: { x: shape, w: kernel } }, ({ x, w }) => ({
          outputs: { y: conv2d(x, w, { padding: 1 }) },
        })),
    ],
  ])('is left alone with %s', (_, built) => {
    expect(isMinimal(built())).toBe(false);
  });

  it('divides a map into strips where that pays', () => {
    const products = (built: Program): number => graphOf(built).node.filter(({ opType }) => opType === 'MatMul').length;
    expect(products(convolution([32, 56, 16, 4], [56, 56, 3, 3], { padding: 1 }))).toBe(4);
    expect(products(convolution([8, 160, 16, 16], [160, 160, 3, 3], { padding: 1 }))).toBe(4);
    expect(products(convolution([8, 128, 8, 8], [136, 128, 3, 3], { padding: 1 }))).toBe(1);
  });

  it('is left alone in models that are written to files, which it makes larger', () => {
    const built = convolution(shape, kernel, { padding: 1 });
    expect(isMinimal(built, standardRules)).toBe(false);
    expect(isMinimal(built)).toBe(true);
  });

  it('keeps its kernel and the matrices of its map once, however often it is used', () => {
    const twice = program('twice', { inputs: { x: shape } }, ({ x }) => {
      const w = drawn('kernel', kernel);
      return { outputs: { y: conv2d(conv2d(x, w, { padding: 1 }), w, { padding: 1 }) } };
    });
    const sizes = graphOf(twice).initializer.map(({ dims }) => dims.join());
    expect(sizes.filter((size) => size === '36,40,40')).toHaveLength(1);
    expect(sizes.filter((size) => size === '36,16')).toHaveLength(2);
    expect(sizes).not.toContain('40,40,3,3');
  });
});

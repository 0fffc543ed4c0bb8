import { TensorProto_DataType as DataType } from 'onnx-buf';
import {
  file,
  floats,
  graph,
  node,
  scaledFunction,
  value,
  whole,
} from '../../packages/runtime-onnx/src/import/__fixtures__/graphs.js';

const { FLOAT, INT64, BOOL } = DataType;

/** Small files with many operators. */
export function graphSeeds(): Record<string, Uint8Array> {
  const image = value('x', FLOAT, ['n', 4, 6, 6]);
  const body = graph({
    nodes: [node('Identity', ['go'], ['goes']), node('Mul', ['now', 'now'], ['next'])],
    inputs: [value('i', INT64, []), value('go', BOOL, []), value('now', FLOAT, [2])],
    outputs: [value('goes', BOOL, []), value('next', FLOAT, [2])],
  });
  const ones = [1, 1, 1, 1];
  return {
    images: file({
      opset: 19,
      inputs: [image],
      nodes: [
        node('Conv', ['x', 'kernel', 'ones'], ['a'], { pads: [1, 1, 1, 1], group: 2, strides: [1, 1] }),
        node('InstanceNormalization', ['a', 'ones', 'ones'], ['b']),
        node('MaxPool', ['b'], ['c'], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
        node('AveragePool', ['c'], ['d'], { kernel_shape: [2, 2], ceil_mode: 1 }),
        node('Resize', ['d', '', 'scales'], ['e'], { mode: 'linear' }),
        node('Resize', ['e', '', '', 'sizes'], ['f'], { mode: 'cubic', antialias: 1 }),
        node('Pad', ['f', 'pads'], ['g'], { mode: 'reflect' }),
        node('ConvTranspose', ['g', 'kernel'], ['h'], { strides: [2, 2], output_padding: [1, 1] }),
        node('DepthToSpace', ['g'], ['i'], { blocksize: 2, mode: 'CRD' }),
        node('GlobalAveragePool', ['h'], ['y']),
      ],
      tensors: [
        floats(
          'kernel',
          [4, 2, 2, 2],
          Array.from({ length: 32 }, (_, i) => i / 8),
        ),
        floats('ones', [4], ones),
        floats('scales', [4], [1, 1, 2, 2]),
        whole('sizes', [2, 4, 6, 6]),
        whole('pads', [0, 0, 1, 1, 0, 0, 1, 0]),
      ],
    }),
    shapes: file({
      inputs: [value('x', FLOAT, ['n', 4])],
      nodes: [
        node('Shape', ['x'], ['s']),
        node('Gather', ['s', 'first'], ['n']),
        node('Range', ['zero', 'n', 'one'], ['r']),
        node('Cast', ['r'], ['rf'], { to: FLOAT }),
        node('Unsqueeze', ['rf', 'axis'], ['column']),
        node('Mul', ['x', 'column'], ['m']),
        node('Concat', ['s', 'axis'], ['target'], { axis: 0 }),
        node('Reshape', ['m', 'target'], ['t']),
        node('Expand', ['t', 'wide'], ['e']),
        node('Transpose', ['e'], ['p'], { perm: [2, 0, 1] }),
        node('Slice', ['p', 'axis', 'last', 'axis', 'axis'], ['q']),
        node('Split', ['q'], ['u', 'v'], { axis: 2 }),
        node('Tile', ['u', 'wide'], ['w']),
        node('ScatterND', ['w', 'places', 'updates'], ['z']),
        node('GatherElements', ['z', 'elements'], ['ge'], { axis: 0 }),
        node('CumSum', ['ge', 'zero'], ['c']),
        node('Einsum', ['c', 'c'], ['ein'], { equation: 'abc,abd->acd' }),
        node('ReduceSum', ['ein', 'axis'], ['red'], { keepdims: 0 }),
        node('OneHot', ['r', 'depth', 'values'], ['hot']),
        node('ArgMax', ['hot'], ['arg'], { axis: 1 }),
        node('Trilu', ['hot'], ['tri']),
        node('Gemm', ['tri', 'tri'], ['gemm'], { transA: 1 }),
        node('Softmax', ['gemm'], ['soft'], { axis: 0 }),
        node('Where', ['flag', 'soft', 'soft'], ['y']),
      ],
      outputs: [value('y', FLOAT), value('red', FLOAT), value('v', FLOAT), value('arg', INT64)],
      tensors: [
        whole('first', 0),
        whole('zero', 0),
        whole('one', 1),
        whole('axis', [1]),
        whole('wide', [1, 1, 2]),
        whole('last', [4]),
        whole('depth', 3),
        floats('values', [2], [0, 1]),
        { ...whole('places', [0]), dims: [1n, 1n] },
        floats('updates', [1, 1, 4], ones),
        { ...whole('elements', [0, 1]), dims: [1n, 1n, 2n] },
        { ...floats('flag', [1], []), dataType: BOOL, rawData: Uint8Array.of(1) },
      ],
    }),
    control: file({
      inputs: [value('x', FLOAT, [2])],
      domains: ['own'],
      nodes: [
        node('Size', ['x'], ['size']),
        node('Equal', ['size', 'two'], ['flag']),
        node('If', ['flag'], ['a'], {
          then_branch: { graph: graph({ nodes: [node('Neg', ['x'], ['z'])] }) },
          else_branch: { graph: graph({ nodes: [node('Abs', ['x'], ['z'])] }) },
        }),
        node('Loop', ['two', '', 'a'], ['b'], { body: { graph: body } }),
        node('own:Scaled', ['b'], ['c'], { factor: { float: 3 } }),
        node('DequantizeLinear', ['bytes', 'scale'], ['d']),
        node('Add', ['c', 'd'], ['y']),
      ],
      functions: [scaledFunction()],
      tensors: [
        whole('two', 2),
        { ...floats('bytes', [2], []), dataType: DataType.INT8, rawData: Uint8Array.of(1, 255) },
        floats('scale', [], [0.5]),
      ],
    }),
  };
}

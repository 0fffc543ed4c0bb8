import { create } from '@bufbuild/protobuf';
import { ConfigError } from '@flowmap/core';
import { FeedError, hostTensor, input, reachable, type HostTensors } from '@flowmap/tensor';
import {
  FunctionProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType as DataType,
  type TensorProto,
} from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { compare, integers, uneven } from './__fixtures__/compare.js';
import { file, floats, graph, node, scaledFunction, value, whole, type FileParts } from './__fixtures__/graphs.js';
import { OnnxImportError } from './import-error.js';
import { importModel, importOnnx } from './import-onnx.js';

const { FLOAT, INT64, BOOL } = DataType;
const x23 = { x: uneven([2, 3]) };
const ofX = [value('x', FLOAT, ['n', 3])];

describe('what a file says about itself', () => {
  const bytes = file({
    nodes: [node('MatMul', ['x', 'w'], ['h']), node('Add', ['h', 'b'], ['s']), node('Mul', ['s', 'two'], ['y'])],
    inputs: ofX,
    outputs: [value('y', FLOAT, ['n', 2])],
    tensors: [floats('w', [3, 2], [1, 2, 3, 4, 5, 6]), floats('b', [2], [1, -1]), floats('two', [], [2])],
  });

  it('is its inputs and outputs, and what was trained', () => {
    const network = importOnnx(bytes);
    expect(network.inputs).toEqual({ x: { dtype: 'float32', shape: ['n', 3] } });
    expect(network.outputs).toEqual({ y: { dtype: 'float32', shape: ['n', 2] } });
    expect(network.parameters).toEqual({
      w: hostTensor([3, 2], [1, 2, 3, 4, 5, 6]),
      b: hostTensor([2], [1, -1]),
    });
    expect(Object.keys(importOnnx(bytes, { trained: (name) => name === 'two' }).parameters)).toEqual(['two']);
  });

  it('has no parameters that are frequencies of times, or norms without effect', () => {
    const network = importOnnx(
      file({
        nodes: [
          node('Mul', ['t', 'frequencies'], ['angles']),
          node('Sin', ['angles'], ['sines']),
          node('Cos', ['angles'], ['cosines']),
          node('Concat', ['sines', 'cosines'], ['waves'], { axis: 1 }),
          node('Reshape', ['waves', 'groups'], ['grouped']),
          node('InstanceNormalization', ['grouped', 'one', 'none'], ['normal']),
          node('Reshape', ['normal', 'flat'], ['features']),
          node('Mul', ['features', 'gain'], ['y']),
        ],
        inputs: [value('t', FLOAT, ['n', 1])],
        tensors: [
          floats('frequencies', [1, 2], [1, 2]),
          floats('one', [2], [1, 1]),
          floats('none', [2], [0, 0]),
          floats('gain', [4], [1, 1, 1, 1]),
          whole('groups', [0, 2, -1]),
          whole('flat', [0, -1]),
        ],
      }),
    );
    expect(Object.keys(network.parameters)).toEqual(['gain']);
  });

  it('is checked against what it is given', () => {
    const network = importOnnx(bytes, { source: 'net.onnx' });
    const x = input('x', [4, 3]);
    expect(network.apply({}, { x })['y']!.shape).toEqual([4, 2]);
    expect(() => network.apply({}, {})).toThrow(FeedError);
    expect(() => network.apply({}, { x: input('x', [4, 2]) })).toThrow(
      /input 'x' \(float32 \[n, 3\]\) got float32 \[4, 2\]/,
    );
    expect(() => network.apply({}, { x, t: x })).toThrow(/unknown input 't'; it takes: x/);
    expect(() => network.apply({ v: x }, { x })).toThrow(/no parameter 'v'/);
    expect(() => network.apply({ w: x }, { x })).toThrow(/parameter 'w' is float32 \[3, 2\], got float32 \[4, 3\]/);
  });

  it('gives a named extent one value', () => {
    const network = importOnnx(
      file({ nodes: [node('Add', ['x', 't'], ['y'])], inputs: [...ofX, value('t', FLOAT, ['n', 1])] }),
    );
    expect(() => network.apply({}, { x: input('x', [4, 3]), t: input('t', [1, 1]) })).toThrow(/input 't'/);
  });

  it('may be halves and 8-bit weights, which are parameters like others', () => {
    const half = { ...floats('w16', [2], []), dataType: DataType.FLOAT16, rawData: Uint8Array.of(0, 0x3c, 0, 0xc0) };
    const eight = { ...floats('w8', [2, 2], []), dataType: DataType.INT8, rawData: Uint8Array.of(1, 2, 255, 0) };
    const bytes = file({
      nodes: [
        node('Cast', ['w16'], ['b'], { to: FLOAT }),
        node('DequantizeLinear', ['w8', 'scale'], ['w'], { axis: 1 }),
        node('MatMul', ['x', 'w'], ['h']),
        node('Add', ['h', 'b'], ['y']),
      ],
      inputs: [value('x', FLOAT, [1, 2])],
      tensors: [half, eight, floats('scale', [2], [0.5, 0.25])],
    });
    const network = importOnnx(bytes);
    expect(network.parameters).toEqual({
      b: hostTensor([2], [1, -2]),
      w: hostTensor([2, 2], [0.5, 0.5, -0.5, 0]),
    });
    const params = { b: input('b', [2]), w: input('w', [2, 2]) };
    const { y } = network.apply(params, { x: input('x', [1, 2]) });
    expect(reachable([y!])).toEqual(expect.arrayContaining(Object.values(params)));
    // The stored ones may be chosen in their place.
    const stored = { w16: input('w16', [2], 'float16'), scale: input('scale', [2]) };
    const chosen = importOnnx(bytes, { trained: (name) => Object.hasOwn(stored, name) });
    expect(Object.keys(chosen.parameters)).toEqual(Object.keys(stored));
    const ofStored = chosen.apply(stored, { x: input('x', [1, 2]) })['y']!;
    expect(reachable([ofStored])).toEqual(expect.arrayContaining(Object.values(stored)));
  });
});

describe('what follows from shapes', () => {
  const folded: Readonly<Record<string, FileParts & { readonly given: HostTensors }>> = {
    'is computed while tracing': {
      given: x23,
      nodes: [
        node('Shape', ['x'], ['shape']),
        node('Gather', ['shape', 'one'], ['columns']),
        node('Unsqueeze', ['columns', 'first'], ['row']),
        node('Concat', ['row', 'minus'], ['swapped'], { axis: 0 }),
        node('Reshape', ['x', 'swapped'], ['turned']),
        node('ConstantOfShape', ['row'], ['ones'], { value: { tensor: floats('', [1], [1]) } }),
        node('Range', ['zero', 'columns', 'one'], ['range']),
        node('Cast', ['range'], ['steps'], { to: FLOAT }),
        node('Add', ['ones', 'steps'], ['sum']),
        node('Unsqueeze', ['sum', 'one_'], ['column']),
        node('Equal', ['row', 'three'], ['is3']),
        node('Where', ['is3', 'row', 'three'], ['expanded']),
        node('Div', ['expanded', 'three'], ['single']),
        node('Slice', ['swapped', 'first', 'single'], ['one3']),
        node('Mul', ['turned', 'column'], ['product']),
        node('ReduceProd', ['one3'], ['count']),
        node('Expand', ['product', 'single'], ['y']),
      ],
      tensors: [
        whole('one', 1),
        whole('one_', [1]),
        whole('zero', 0),
        whole('first', [0]),
        whole('minus', [-1]),
        whole('three', [3]),
      ],
    },
    'decides an If': {
      given: x23,
      nodes: [
        node('Shape', ['x'], ['shape']),
        node('Size', ['shape'], ['rank']),
        node('Equal', ['rank', 'two'], ['flat']),
        node('If', ['flat'], ['y'], {
          then_branch: { graph: graph({ nodes: [node('Mul', ['x', 'x'], ['z'])] }) },
          else_branch: { graph: graph({ nodes: [node('Neg', ['x'], ['z'])] }) },
        }),
      ],
      tensors: [whole('two', 2)],
    },
    'counts the rounds of a Loop': {
      given: x23,
      nodes: [
        node('Loop', ['rounds', '', 'x'], ['y'], {
          body: {
            graph: graph({
              nodes: [node('Identity', ['go'], ['goes']), node('Mul', ['now', 'x'], ['next'])],
              inputs: [value('i', INT64, []), value('go', BOOL, []), value('now', FLOAT, [2, 3])],
              outputs: [value('goes', BOOL, []), value('next', FLOAT, [2, 3])],
            }),
          },
        }),
      ],
      tensors: [whole('rounds', 3)],
    },
    'is the same within functions of its own': {
      given: x23,
      domains: ['own'],
      nodes: [node('own:Scaled', ['x'], ['y'], { factor: { float: 3 } })],
      functions: [scaledFunction()],
    },
    'includes what a function says about embeddings': {
      given: { i: integers(2, 0, -1) },
      nodes: [node('Gather', ['table', 'i'], ['y'])],
      tensors: [floats('table', [3, 2], [1, 2, 3, 4, 5, 6])],
    },
  };

  it.each(Object.entries(folded))('%s', async (_, { given, ...parts }) => {
    const inputs = Object.entries(given).map(([name, { shape, dtype }]) =>
      value(name, dtype === 'int32' ? INT64 : FLOAT, shape),
    );
    await compare({ inputs, ...parts }, given);
  });
});

/** A file with one tensor that does not match its description. */
const lying = (tensor: Partial<TensorProto>): Uint8Array =>
  file({
    nodes: [node('Add', ['x', 'w'], ['y'])],
    inputs: ofX,
    tensors: [{ ...floats('w', [3], [1, 2, 3]), ...tensor }],
  });
/** The description of a tensor whose numbers are in a file beside the model. */
const outside = (entries: Readonly<Record<string, string>>): Partial<TensorProto> => ({
  dataLocation: TensorProto_DataLocation.EXTERNAL,
  rawData: new Uint8Array(0),
  externalData: Object.entries(entries).map(([key, value]) => ({
    $typeName: 'onnx.StringStringEntryProto',
    key,
    value,
  })),
});
const beside = (entries: Readonly<Record<string, string>>): Uint8Array => lying(outside(entries));
const oneNode = (made: ReturnType<typeof node>, more: Partial<FileParts> = {}): Uint8Array =>
  file({ nodes: [made], inputs: ofX, ...more });

describe('what is refused before anything is computed', () => {
  const plain = oneNode(node('Neg', ['x'], ['y']));

  it.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /it is empty/],
    ['what is no model', Uint8Array.of(1, 2, 3), /no ONNX model, or one that was cut off/],
    ['a file that was cut off', plain.subarray(0, -3), /no ONNX model, or one that was cut off/],
    ['a model without a graph', Uint8Array.of(8, 8), /it has no graph/],
    ['an old operator set', oneNode(node('Neg', ['x'], ['y']), { opset: 9 }), /operator set 9, and sets 13 to 22/],
    ['a new operator set', oneNode(node('Neg', ['x'], ['y']), { opset: 99 }), /operator set 99/],
    ['an unknown operator', oneNode(node('LSTM', ['x'], ['y'])), /node 0, LSTM 'to y': .*recurrent networks/],
    [
      'an operator that is newer than its set',
      oneNode(node('Gelu', ['x'], ['y'])),
      /none of set 17: it came with set 20/,
    ],
    [
      'an operator of a vendor',
      oneNode(node('com.microsoft:Gelu', ['x'], ['y'])),
      /operators of the domain "com.microsoft"/,
    ],
    ['too many operands', oneNode(node('Neg', ['x', 'x'], ['y'])), /it has 2 operands, wanted 1/],
    [
      'a circle',
      file({ nodes: [node('Neg', ['b'], ['a']), node('Neg', ['a'], ['b'])], inputs: ofX }),
      /node 0, Neg .*nothing before it makes "b".*without circles/,
    ],
    [
      'a value that is made twice',
      file({ nodes: [node('Neg', ['x'], ['a']), node('Abs', ['x'], ['a'])], inputs: ofX }),
      /node 1, Abs .*makes "a", which is there already/,
    ],
    [
      'an output that nothing makes',
      oneNode(node('Neg', ['x'], ['y']), { outputs: [value('z', FLOAT)] }),
      /nothing makes the output "z"/,
    ],
    [
      'an input of texts',
      oneNode(node('Neg', ['x'], ['y']), { inputs: [value('x', DataType.STRING, [])] }),
      /elements of type string/,
    ],
    [
      'an input without a shape',
      oneNode(node('Neg', ['x'], ['y']), { inputs: [value('x', FLOAT)] }),
      /input 'x' has no shape/,
    ],
    [
      'more numbers than bytes',
      lying({ dims: [2n ** 40n] }),
      /"w" is float32 \[1099511627776\] of 4398046511104 bytes, and has 12/,
    ],
    ['fewer numbers than bytes', lying({ dims: [2n] }), /of 8 bytes, and has 12/],
    ['a negative extent', lying({ dims: [-3n] }), /has the shape \[-3\]/],
    ['a tensor of texts', lying({ dataType: DataType.STRING }), /elements of type string/],
    ['no numbers at all', lying({ rawData: new Uint8Array(0) }), /of 3 numbers, and has 0/],
    [
      'weights that are not given',
      beside({ location: 'w.bin' }),
      /in a file 'w.bin' beside the model, which is not given/,
    ],
    ['weights outside its folder', beside({ location: '../w.bin' }), /not in the model's folder/],
    ['weights at an absolute path', beside({ location: '/etc/passwd' }), /not in the model's folder/],
    ['weights of another length', beside({ location: 'short', length: '99' }), /of 12 bytes is said to be 99 bytes/],
    [
      'weights beyond their file',
      beside({ location: 'short', offset: '4' }),
      /12 bytes from 4 of 'short', which ends before/,
    ],
    ['a place before their file', beside({ location: 'short', offset: '-4' }), /is said to be 12 bytes from -4/],
  ])('%s', (_, bytes, message) => {
    const open = (): unknown => importOnnx(bytes, { external: { short: new Uint8Array(14) } });
    expect(open).toThrow(OnnxImportError);
    expect(open).toThrow(message);
  });

  it('finds weights beside the model', () => {
    const network = importOnnx(beside({ location: 'data', offset: '2' }), {
      external: { data: Uint8Array.of(9, 9, ...new Uint8Array(Float32Array.of(4, 5, 6).buffer)) },
    });
    expect(network.parameters['w']).toEqual(hostTensor([3], [4, 5, 6]));
  });

  it('makes nothing of numbers that are absent, whatever shape they have', () => {
    const absent = { ...floats('w8', [10 ** 11], []), dataType: DataType.INT8 };
    const bytes = oneNode(node('DequantizeLinear', ['w8', 'scale'], ['y']), {
      tensors: [{ ...absent, ...outside({ location: 'parameters' }) }, floats('scale', [], [1])],
    });
    expect(Object.keys(importModel(bytes, {}, () => 'absent').parameters)).toEqual([]);
  });

  it('wrong options', () => {
    expect(() => importOnnx('net.onnx' as never)).toThrow(ConfigError);
    expect(() => importOnnx(plain, { extern: {} } as never)).toThrow(/did you mean external/);
    expect(() => importOnnx(plain, { maxNodes: 0.5 })).toThrow(ConfigError);
  });
});

describe('what is refused for the shapes of inputs', () => {
  const huge = [whole('s', [2 ** 40, 2 ** 40])];
  const forever = graph({
    nodes: [node('Identity', ['go'], ['goes']), node('Neg', ['now'], ['next'])],
    inputs: [value('i', INT64, []), value('go', BOOL, []), value('now', FLOAT, [2, 3])],
    outputs: [value('goes', BOOL, []), value('next', FLOAT, [2, 3])],
  });
  const self = create(FunctionProtoSchema, {
    name: 'Self',
    domain: 'own',
    input: ['a'],
    output: ['b'],
    opsetImport: [{ domain: '', version: 17n }],
    node: [node('own:Self', ['a'], ['b'])],
  });

  it.each<[string, Uint8Array, RegExp]>([
    [
      'what does not fit',
      oneNode(node('MatMul', ['x', 'x'], ['y'])),
      /node 0, MatMul 'to y': it multiplies \[2, 3\] by/,
    ],
    [
      'a huge result',
      oneNode(node('ConstantOfShape', ['s'], ['y']), { tensors: huge }),
      /node 0, ConstantOfShape .* shape \[1099511627776/,
    ],
    [
      'a huge repetition',
      oneNode(node('Tile', ['x', 's'], ['y']), { tensors: huge }),
      /node 0, Tile .*at most 2147483647 numbers/,
    ],
    [
      'a huge padding',
      oneNode(node('Pad', ['x', 's'], ['y']), { tensors: [whole('s', [0, 2 ** 40, 0, 0])] }),
      /node 0, Pad/,
    ],
    [
      'a huge list',
      file({
        inputs: ofX,
        nodes: [
          node('ConstantOfShape', ['count'], ['indices'], { value: { tensor: whole('', [0]) } }),
          node('Gather', ['x', 'indices'], ['y']),
        ],
        tensors: [whole('count', [2 ** 25])],
      }),
      /node 1, Gather .*more is computed from constants and shapes/,
    ],
    [
      'a place that is written twice, counted from either end',
      oneNode(node('ScatterND', ['x', 'rows', 'x'], ['y']), {
        tensors: [{ ...whole('rows', [1, -1]), dims: [2n, 1n] }],
      }),
      /node 0, ScatterND .*it writes a place twice/,
    ],
    [
      'a shape from values',
      oneNode(node('Expand', ['x', 'x'], ['y'])),
      /its shape \(operand 1\) is computed from the values of inputs/,
    ],
    [
      'a mode that it lacks',
      oneNode(node('Resize', ['x', '', 's'], ['y'], { mode: 'lanczos' }), { tensors: [floats('s', [2], [1, 2])] }),
      /its mode is "lanczos"; nearest, linear, cubic can be/,
    ],
    [
      'operands of two types',
      oneNode(node('Add', ['x', 's'], ['y']), { tensors: [whole('s', 2)] }),
      /float32 and int64/,
    ],
    [
      'a loop without end',
      oneNode(node('Loop', ['', '', 'x'], ['y'], { body: { graph: forever } })),
      /node 0, Loop .*more than 4096 rounds/,
    ],
    [
      'a function of itself',
      oneNode(node('own:Self', ['x'], ['y']), { functions: [self], domains: ['own'] }),
      /own.Self.*within 64 others/,
    ],
    [
      'a training mode',
      oneNode(node('BatchNormalization', ['x', 'v', 'v', 'v', 'v'], ['y'], { training_mode: 1 }), {
        tensors: [floats('v', [3], [1, 1, 1])],
      }),
      /evaluation mode/,
    ],
  ])('%s', (_, bytes, message) => {
    const network = importOnnx(bytes);
    const trace = (): unknown => network.apply({}, { x: input('x', [2, 3]) });
    expect(trace).toThrow(OnnxImportError);
    expect(trace).toThrow(message);
  });

  it('says where it is', () => {
    const network = importOnnx(
      file({ nodes: [node('Neg', ['x'], ['a']), node('MatMul', ['a', 'a'], ['y'])], inputs: ofX }),
    );
    let place: OnnxImportError['place'];
    try {
      network.apply({}, { x: input('x', [2, 3]) });
    } catch (error) {
      place = (error as OnnxImportError).place;
    }
    expect(place).toEqual({ operator: 'MatMul', position: 1, name: 'to y' });
  });

  it('more nodes than it may have', () => {
    const network = importOnnx(
      oneNode(node('Loop', ['n', '', 'x'], ['y'], { body: { graph: forever } }), { tensors: [whole('n', 20)] }),
      { maxNodes: 30 },
    );
    expect(() => network.apply({}, { x: input('x', [2, 3]) })).toThrow(/one node too many; raise `maxNodes`/);
  });

  it('an empty output', () => {
    const network = importOnnx(oneNode(node('Slice', ['x', 's', 's'], ['y']), { tensors: [whole('s', [0])] }));
    expect(() => network.apply({}, { x: input('x', [2, 3]) })).toThrow(
      /the output 'y': constant: wanted whole extents/,
    );
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import {
  ConfigError,
  constant,
  DisposedError,
  FeedError,
  hostTensor,
  program,
  UnsupportedError,
  type Shape,
} from '@flowmap/tensor';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  ValueInfoProtoSchema,
  type NodeProto,
  type ValueInfoProto,
} from 'onnx-buf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeModel } from './encode-model.js';
import { OnnxModelError } from './onnx-model-error.js';
import { openOnnx } from './open-onnx.js';
import { toOnnx } from './to-onnx.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flowmap-open-onnx-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function written(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** Declares an input or an output; an extent may have a name, or '' for none. */
function declared(name: string, elemType: DataType, extents: readonly (number | string)[]): ValueInfoProto {
  const dim = extents.map((extent) => {
    if (extent === '') return {};
    return typeof extent === 'number'
      ? { value: { case: 'dimValue' as const, value: BigInt(extent) } }
      : { value: { case: 'dimParam' as const, value: extent } };
  });
  const value = { elemType, shape: { dim } };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value } } });
}

const node = (opType: string, input: string[], output: string[], domain = ''): NodeProto =>
  create(NodeProtoSchema, { opType, domain, input, output });

const model = (input: ValueInfoProto[], nodes: NodeProto[], output: ValueInfoProto[]): Uint8Array =>
  encodeModel(create(GraphProtoSchema, { name: 'test', input, node: nodes, output }));

const { FLOAT } = DataType;

/** `velocity = x * t` for any batch: x of [batch, 2], t of [batch, 1]. */
const product = model(
  [declared('x', FLOAT, ['batch', 2]), declared('t', FLOAT, ['batch', ''])],
  [node('Mul', ['x', 't'], ['velocity'])],
  [declared('velocity', FLOAT, ['batch', 2])],
);

/** Copies a tensor of any length. */
const copy = (type: DataType): Uint8Array =>
  model([declared('x', type, ['n'])], [node('Identity', ['x'], ['y'])], [declared('y', type, ['n'])]);

const open = (source: string | Uint8Array) => openOnnx(source, { device: 'cpu', threads: 1 });
const failure = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

describe('openOnnx', { timeout: 60_000 }, () => {
  it('opens what a program was written as, and gives its closed form', async () => {
    const cube = program('cube', { inputs: { x: [3], n: { shape: [], dtype: 'int32' } } }, ({ x, n }) => ({
      outputs: {
        y: x
          .mul(x)
          .mul(x)
          .add(constant(Float32Array.of(1, 2, 3), [3])),
        n: n.add(1),
      },
    }));
    const opened = await open(written('cube.onnx', toOnnx(cube)));
    expect(opened.inputs).toMatchObject({ x: { dtype: 'float32', shape: [3] }, n: { dtype: 'int32', shape: [] } });
    expect(Object.keys(opened.outputs)).toEqual(['y', 'output:n']);
    const results = await opened({ x: hostTensor([3], [1, -2, 3]), n: hostTensor([], [6], 'int32') });
    expect(results['y']).toEqual(hostTensor([3], [2, -6, 30]));
    expect(results['output:n']).toEqual(hostTensor([], [7], 'int32'));
    await opened.dispose();
  });

  it('takes extents that may be any as they come, and says which they are', async () => {
    const opened = await open(product);
    expect(opened.inputs).toMatchObject({ x: { shape: ['batch', 2] }, t: { shape: ['batch', null] } });
    expect(opened.outputs).toMatchObject({ velocity: { dtype: 'float32', shape: ['batch', 2] } });
    const one = await opened({ x: hostTensor([1, 2], [3, 4]), t: hostTensor([1, 1], [0.5]) });
    expect(one['velocity']).toEqual(hostTensor([1, 2], [1.5, 2]));
    const three = await opened({ x: hostTensor([3, 2], [1, 2, 3, 4, 5, 6]), t: hostTensor([3, 1], [1, 10, 100]) });
    expect(three['velocity']).toEqual(hostTensor([3, 2], [1, 2, 30, 40, 500, 600]));
    await opened.dispose();
  });

  it('lets calls overlap, whose results are their own, and ends with them', async () => {
    const opened = await open(product);
    const given = Array.from({ length: 8 }, (_, i) => hostTensor([1, 2], [i, i + 1]));
    const calls = given.map((x) => opened({ x, t: hostTensor([1, 1], [2]) }));
    const disposed = opened.dispose();
    expect((await Promise.all(calls)).map(({ velocity }) => [...velocity!.data])).toEqual(
      given.map((_, i) => [2 * i, 2 * i + 2]),
    );
    await disposed;
    await opened.dispose();
    await expect(opened({ x: given[0]!, t: hostTensor([1, 1], [2]) })).rejects.toThrow(DisposedError);
  });

  it('gives copies, also where an output is an input as it was', async () => {
    const opened = await open(copy(FLOAT));
    const x = hostTensor([2], Float32Array.of(1, 2));
    const { y } = await opened({ x });
    x.data[0] = 5;
    expect(y!.data[0]).toBe(1);
    await opened.dispose();
  });

  it.each([
    ['float32', FLOAT, [0.5, -1.25], 'float32'],
    ['float64', DataType.DOUBLE, [0.1, 1e300], 'float32'],
    ['float16', DataType.FLOAT16, [0.5, -65504], 'float16'],
    ['bool', DataType.BOOL, [1, 0], 'bool'],
    ['int32', DataType.INT32, [-(2 ** 31), 7], 'int32'],
    ['int64', DataType.INT64, [-(2 ** 31), 2 ** 31 - 1], 'int32'],
    ['uint64', DataType.UINT64, [0, 2 ** 31 - 1], 'int32'],
    ['uint32', DataType.UINT32, [0, 2 ** 31 - 1], 'int32'],
    ['int16', DataType.INT16, [-32768, 32767], 'int32'],
    ['uint16', DataType.UINT16, [0, 65535], 'int32'],
    ['int8', DataType.INT8, [-128, 127], 'int32'],
    ['uint8', DataType.UINT8, [0, 255], 'int32'],
  ] as const)('carries %s there and back without a change', async (_, type, values, dtype) => {
    const opened = await open(copy(type));
    expect(opened.inputs['x']!.dtype).toBe(dtype);
    const data = type === DataType.DOUBLE ? Float64Array.from(values) : values;
    const x = hostTensor([2], data, dtype);
    expect((await opened({ x }))['y']).toEqual(x);
    await opened.dispose();
  });

  it.each([
    [DataType.INT8, 128],
    [DataType.UINT8, -1],
    [DataType.UINT64, -1],
  ])('refuses a number that elements of type %i cannot hold', async (type, value) => {
    const opened = await open(copy(type));
    const error = await failure(opened({ x: hostTensor([2], [0, value], 'int32') }));
    expect(error).toBeInstanceOf(FeedError);
    expect((error as Error).message).toContain(`cannot hold ${value}`);
    await opened.dispose();
  });

  it('refuses an output beyond int32, and one that is empty', async () => {
    const square = model(
      [declared('x', DataType.INT64, ['n'])],
      [node('Mul', ['x', 'x'], ['y'])],
      [declared('y', DataType.INT64, ['n'])],
    );
    const squares = await open(square);
    expect((await squares({ x: hostTensor([2], [3, 46340], 'int32') }))['y']!.data).toEqual(
      Int32Array.of(9, 46340 ** 2),
    );
    const beyond = await failure(squares({ x: hostTensor([2], [3, 65536], 'int32') }));
    expect(beyond).toBeInstanceOf(OnnxModelError);
    expect((beyond as Error).message).toMatch(/output 'y' holds 4294967296, which is beyond int32/);
    await squares.dispose();

    const places = await open(
      model([declared('x', FLOAT, ['n'])], [node('NonZero', ['x'], ['y'])], [declared('y', DataType.INT64, [1, 'm'])]),
    );
    expect((await places({ x: hostTensor([3], [0, 2, 3]) }))['y']).toEqual(hostTensor([1, 2], [1, 2], 'int32'));
    await expect(places({ x: hostTensor([2], [0, 0]) })).rejects.toThrow(/output 'y' is empty, of shape \[1, 0\]/);
    await places.dispose();
  });

  it('refuses inputs before the run, and goes on', async () => {
    const opened = await open(product);
    const x = hostTensor([1, 2], [3, 4]);
    const t = hostTensor([1, 1], [1]);
    const shaped = (shape: Shape, data: Float32Array) => ({ shape, dtype: 'float32' as const, data });
    const wrong = [
      [{ x }, /input 't' \(float32 \[batch, any\]\) is missing; it takes: x, t/],
      [{ x, t, s: t }, /unknown input 's'; it takes: x, t/],
      [{ x: hostTensor([1, 2], [3, 4], 'int32'), t }, /input 'x' \(float32 \[batch, 2\]\) got int32 \[1, 2\]/],
      [{ x: hostTensor([1, 3], [3, 4, 5]), t }, /got float32 \[1, 3\]/],
      [{ x: hostTensor([2], [3, 4]), t }, /got float32 \[2\]/],
      [{ x: shaped([0, 2], new Float32Array()), t }, /got float32 \[0, 2\]/],
      [{ x: shaped([2, 2], new Float32Array(3)), t }, /Float32Array of length 3/],
    ] as const;
    for (const [feeds, message] of wrong) {
      const error = await failure(opened(feeds));
      expect(error).toBeInstanceOf(FeedError);
      expect((error as Error).message).toMatch(message);
    }
    const error = await failure(opened({ x: hostTensor([2, 2], [1, 2, 3, 4]), t: hostTensor([3, 1], [1, 2, 3]) }));
    expect(error).toBeInstanceOf(OnnxModelError);
    expect((error as Error).message).toMatch(/the run failed: .*2 by 3/);
    expect((await opened({ x, t }))['velocity']!.data).toEqual(Float32Array.of(3, 4));
    await opened.dispose();
  });

  it('says what is wrong with a file', async () => {
    const outside = (type: DataType, opType: string, domain = ''): Uint8Array =>
      model([declared('x', type, [2])], [node(opType, ['x'], ['y'], domain)], [declared('y', type, [2])]);
    const external = create(TensorProtoSchema, {
      name: 'w',
      dataType: FLOAT,
      dims: [2n],
      dataLocation: DataLocation.EXTERNAL,
      externalData: [{ key: 'location', value: 'weights.bin' }],
    });
    const graph = {
      name: 'weighted',
      input: [declared('x', FLOAT, [2])],
      node: [node('Add', ['x', 'w'], ['y'])],
      output: [declared('y', FLOAT, [2])],
      initializer: [external],
    };
    const opsetImport = [{ domain: '', version: 17n }];
    const weighted = toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, opsetImport, graph }));
    const files = [
      [join(folder, 'nowhere.onnx'), /nowhere.onnx: there is no such file/],
      [folder, /it is no file/],
      [new Uint8Array(), /it is empty/],
      [written('empty.onnx', new Uint8Array()), /empty.onnx: /],
      [written('text.onnx', new TextEncoder().encode('hello')), /text.onnx: it is no ONNX model/],
      [product.slice(0, -5), /of \d+ bytes: it is no ONNX model, or one that was cut off/],
      [outside(FLOAT, 'Fancy'), /operator Fancy is none of operator set 17/],
      [outside(FLOAT, 'Fancy', 'my.own'), /operators of domain 'my.own'/],
      [outside(DataType.STRING, 'Identity'), /input 'x' has elements of type string, which host tensors cannot hold/],
      [outside(DataType.BFLOAT16, 'Identity'), /bfloat16/],
      [outside(FLOAT, `Fancy\u001b[31m\n${'x'.repeat(10_000)}`), /Fancy\\u\{1b\}\[31m x{20}.*…/],
      [written('weighted.onnx', weighted), /its external data is not there: it wants .*weights.bin/],
    ] as const;
    for (const [source, message] of files) {
      const error = await failure(open(source));
      expect(error).toBeInstanceOf(OnnxModelError);
      expect((error as Error).message).toMatch(message);
      expect((error as Error).message.length).toBeLessThan(600);
    }
    written('weights.bin', new Uint8Array(Float32Array.of(10, 20).buffer));
    const opened = await open(join(folder, 'weighted.onnx'));
    expect((await opened({ x: hostTensor([2], [1, 2]) }))['y']).toEqual(hostTensor([2], [11, 22]));
    await opened.dispose();
  });

  it('refuses devices and threads that there cannot be', async () => {
    await expect(openOnnx(product, { device: 'gpu' as 'cpu' })).rejects.toThrow(UnsupportedError);
    await expect(openOnnx(product, { threads: 0 })).rejects.toThrow(ConfigError);
  });
});

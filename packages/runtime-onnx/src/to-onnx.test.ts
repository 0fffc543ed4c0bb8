import { fromBinary } from '@bufbuild/protobuf';
import {
  attention,
  concat,
  constant,
  conv2d,
  grad,
  hostTensor,
  normals,
  program,
  leakyRelu,
  rmsNorm,
  select,
  sizeOf,
  full,
  type HostTensor,
  type Program,
  type Tensor,
} from '@flowmap/tensor';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { ModelProtoSchema, TensorProto_DataType, type ModelProto } from 'onnx-buf';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { cpuRules, standardRules } from './lowering/table.js';
import { webgpuRules } from './lowering/webgpu.js';
import { onnxRuntime } from './onnx-runtime.js';
import { modelOf, toOnnx } from './to-onnx.js';

const decode = (built: Program): ModelProto => fromBinary(ModelProtoSchema, toOnnx(built));
const operators = (built: Program): string[] => decode(built).graph!.node.map(({ opType }) => opType);

describe('toOnnx', () => {
  it('gives a model that onnxruntime loads and runs, with the names of the program', async () => {
    const built = program('affine', { inputs: { x: [2, 3] }, state: { w: [3, 1] } }, ({ x }, { w }) => ({
      outputs: { y: x.matmul(w), x },
      state: { w: w.mul(2) },
    }));
    const session = await InferenceSession.create(toOnnx(built));
    expect(session.inputNames).toEqual(['x', 'state:w']);
    expect(session.outputNames).toEqual(['y', 'output:x', 'next:w']);
    const x = new OrtTensor('float32', Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
    const results = await session.run({ x, 'state:w': new OrtTensor('float32', Float32Array.of(1, 0, -1), [3, 1]) });
    expect(results['y']!.data).toEqual(Float32Array.of(-2, -2));
    expect(results['y']!.dims).toEqual([2, 1]);
    expect(results['output:x']!.data).toEqual(x.data);
    expect(results['next:w']!.data).toEqual(Float32Array.of(2, 0, -2));
    await session.release();
  });

  it('uses standard operators of one operator set', () => {
    const built = program('attention', { inputs: { q: [2, 4, 8], k: [2, 4, 8] } }, ({ q, k }) => {
      const weights = q.matmul(k.transpose([0, 2, 1])).softmax();
      return { outputs: { y: weights.matmul(k).silu() } };
    });
    const { opsetImport, irVersion, graph } = decode(built);
    expect(opsetImport.map(({ domain, version }) => [domain, version])).toEqual([['', 17n]]);
    expect(irVersion).toBe(8n);
    expect(graph!.node.every(({ domain }) => domain === '')).toBe(true);
  });

  it('stores equal constants once, and equal elements as one number where they broadcast', () => {
    const built = program('constants', { inputs: { x: [4, 8], y: [4, 8] } }, ({ x, y }) => {
      const row = constant([1, 2, 3, 4, 5, 6, 7, 8], [1, 8]);
      const again = constant([1, 2, 3, 4, 5, 6, 7, 8], [1, 8]);
      return { outputs: { a: x.add(row).mul(0.3), b: y.mul(again).mul(0.3) } };
    });
    const sizes = decode(built).graph!.initializer.map(({ rawData }) => rawData.length / 4);
    expect(sizes.sort()).toEqual([1, 8]);
  });

  it('keeps float16 as it is, and has bfloat16 as float32 whose results are rounded', () => {
    const of = (half: 'float16' | 'bfloat16'): ModelProto =>
      decode(
        program('half', { inputs: { x: { shape: [2], dtype: half } }, state: { w: [2] } }, ({ x }, { w }) => ({
          outputs: { y: x.mul(w.cast(half)).neg(), z: x.mul(3).cast('float32') },
        })),
      );
    const typesOf = ({ graph }: ModelProto): unknown[] =>
      [...graph!.input, ...graph!.output].map(
        ({ type }) => type?.value.value && 'elemType' in type.value.value && type.value.value.elemType,
      );
    const operatorsOf = ({ graph }: ModelProto): string[] => graph!.node.map(({ opType }) => opType);
    const { FLOAT, FLOAT16 } = TensorProto_DataType;
    expect(typesOf(of('float16'))).toEqual([FLOAT16, FLOAT, FLOAT16, FLOAT]);
    expect(operatorsOf(of('float16')).sort()).toEqual(['Cast', 'Cast', 'Mul', 'Mul', 'Neg']);
    expect(typesOf(of('bfloat16'))).toEqual([FLOAT, FLOAT, FLOAT, FLOAT]);
    // Two casts for each rounded result: w and two products. A sign change needs none.
    expect(operatorsOf(of('bfloat16')).sort()).toEqual([...new Array<string>(6).fill('Cast'), 'Mul', 'Mul', 'Neg']);
  });

  it('keeps the sign of zero, and values of every dtype', async () => {
    const built = program('values', { inputs: { x: [2] } }, ({ x }) => ({
      outputs: {
        x,
        zero: constant([-0, 0], [2]),
        whole: constant([7, -7], [2], 'int32'),
        truth: constant([1, 0], [2], 'bool'),
      },
    }));
    const session = await InferenceSession.create(toOnnx(built));
    const { zero, whole, truth } = await session.run({ x: new OrtTensor('float32', Float32Array.of(1, 2), [2]) });
    expect(Array.from(zero!.data as Float32Array)).toEqual([-0, 0]);
    expect(whole!.data).toEqual(Int32Array.of(7, -7));
    expect(truth!.data).toEqual(Uint8Array.of(1, 0));
    await session.release();
  });
});

describe('composites of the CPU', () => {
  const of = (built: Program): string[] =>
    fromBinary(ModelProtoSchema, modelOf(built, cpuRules())).graph!.node.map(({ domain, opType }) => domain + opType);
  const heads = (x: Tensor): Tensor => x.reshape([2, 5, 4, 3]).transpose([0, 2, 1, 3]);
  const tokens = { q: [2, 5, 12], k: [2, 5, 12], v: [2, 5, 12] };
  const attended = program('attention', { inputs: tokens }, ({ q, k, v }) => ({
    outputs: { y: attention(heads(q), heads(k), heads(v)).transpose([0, 2, 1, 3]).reshape([2, 5, 12]) },
  }));

  it('are one operator where nothing else needs their parts', () => {
    const normed = program('norm', { inputs: { x: [2, 8] } }, ({ x }) => ({ outputs: { y: rmsNorm(x) } }));
    expect(of(normed)).toEqual(['SimplifiedLayerNormalization']);
    const rectified = program('rectified', { inputs: { x: [2, 8] } }, ({ x }) => ({ outputs: { y: leakyRelu(x) } }));
    expect(of(rectified)).toEqual(['LeakyRelu']);
    expect(of(attended).filter((name) => name !== 'Reshape')).toEqual(['com.microsoftMultiHeadAttention']);
  });

  it('are left apart where something else does, or where they differ', () => {
    const gradient = program('gradient', { inputs: { x: [2, 8] } }, ({ x }) => ({
      outputs: { y: rmsNorm(x), dx: grad((z) => rmsNorm(z).sin().sum(), [x])[0]! },
    }));
    const sum = program('sum', { inputs: { x: [2, 8] } }, ({ x }) => ({
      outputs: { y: x.mul(full(1).div(x.square().sum([-1], true).add(1).sqrt())) },
    }));
    const first = program('first', { inputs: { x: [8, 2] } }, ({ x }) => ({
      outputs: { y: x.mul(full(1).div(x.square().mean([0], true).add(1).sqrt())) },
    }));
    const factors = program('factors', { inputs: { x: [2, 8] } }, ({ x }) => ({
      outputs: { y: x.mul(select(x.greater(0), 1, x)), z: x.mul(select(x.greater(1), 1, 0.2)), w: x.mul(leakyRelu(x)) },
    }));
    expect(of(factors).filter((name) => name === 'LeakyRelu')).toHaveLength(1);
    for (const built of [gradient, sum, first]) expect(of(built)).not.toContain('SimplifiedLayerNormalization');
    const masked = program('masked', { inputs: tokens }, ({ q, k, v }) => {
      const scores = heads(q).matmul(heads(k).transpose([0, 1, 3, 2]));
      const weights = scores.softmax();
      return { outputs: { y: weights.matmul(heads(v)).transpose([0, 2, 1, 3]), weights } };
    });
    expect(of(masked)).not.toContain('com.microsoftMultiHeadAttention');
  });

  it('are left apart in files', () => {
    expect(operators(attended)).toContain('Softmax');
  });

  it('give the values of the reference', async () => {
    const both = program('both', { inputs: { ...tokens, x: [3, 7] } }, ({ q, k, v, x }) => ({
      outputs: {
        y: attention(heads(q).mul(3), heads(k), heads(v)).transpose([0, 2, 1, 3]),
        norm: rmsNorm(x, 0.5),
        rectified: concat([leakyRelu(x), leakyRelu(x, -0.5), leakyRelu(x, 3)], 0),
      },
    }));
    const draw = (purpose: string, shape: number[]): HostTensor =>
      hostTensor(shape, normals({ seed: 0, purpose }, sizeOf(shape)));
    const feeds = Object.fromEntries(Object.entries({ ...tokens, x: [3, 7] }).map(([n, s]) => [n, draw(n, s)]));
    const results = await Promise.all(
      [await onnxRuntime({ device: 'cpu' }), referenceRuntime()].map(async (runtime) => {
        const executable = await runtime.compile(both);
        const { y, norm, rectified } = await executable.run(feeds);
        const read = await Promise.all([y!, norm!, rectified!].map(async (tensor) => [...(await tensor.read()).data]));
        return read.flat();
      }),
    );
    // A few float32 roundings of numbers near 1.
    results[0]!.forEach((value, i) => expect(value).toBeCloseTo(results[1]![i]!, 5));
  });
});

describe('fusions', () => {
  it('adds a row within a product that is long, and after one that is short', () => {
    const affine = (k: number, n: number): Program =>
      program('affine', { inputs: { x: [4, k], w: [k, n], b: [1, n] } }, ({ x, w, b }) => ({
        outputs: { y: x.matmul(w).add(b) },
      }));
    expect(operators(affine(32, 16))).toEqual(['Gemm']);
    expect(operators(affine(16, 32))).toEqual(['Gemm', 'Add']);
  });

  it('adds a scalar within a product but for WebGPU, whose provider ends the process on it', () => {
    const built = program('offset', { inputs: { x: [4, 32], w: [32, 16], c: [] } }, ({ x, w, c }) => ({
      outputs: { y: x.matmul(w).add(c) },
    }));
    const of = (model: Uint8Array): string[] =>
      fromBinary(ModelProtoSchema, model).graph!.node.map(({ opType }) => opType);
    expect(of(modelOf(built, standardRules))).toEqual(['Gemm']);
    expect(of(modelOf(built, webgpuRules))).toEqual(['Gemm', 'Add']);
  });

  it('keeps a product that something else uses', () => {
    const built = program('shared', { inputs: { x: [4, 32], w: [32, 16], b: [1, 16] } }, ({ x, w, b }) => {
      const product = x.matmul(w);
      return { outputs: { product, y: product.add(b) } };
    });
    expect(operators(built)).toEqual(['Gemm', 'Add']);
  });

  it('gives a convolution its bias', () => {
    const inputs = { x: [1, 2, 8, 8], weight: [16, 2, 3, 3], bias: [16] };
    const built = program('biased', { inputs }, ({ x, weight, bias }) => ({
      outputs: { y: conv2d(x, weight, { padding: 1 }).add(bias.reshape([1, 16, 1, 1])) },
    }));
    expect(operators(built)).toEqual(['Conv']);
  });

  it('convolves in blocks of channels on the CPU, where they are whole and the kernel is not known before', () => {
    const convolution = (o: number, c: number, kernel: number, groups = 1): string[] => {
      const inputs = { x: [1, c * groups, 8, 8], weight: [o, c, kernel, kernel], bias: [o] };
      const built = program('biased', { inputs }, ({ x, weight, bias }) => ({
        outputs: { y: conv2d(x, weight, { padding: 1, groups }).add(bias.reshape([1, o, 1, 1])) },
      }));
      return convolutions(built);
    };
    const convolutions = (built: Program, block: number | undefined = 8): string[] =>
      fromBinary(ModelProtoSchema, modelOf(built, cpuRules(block)))
        .graph!.node.filter(({ opType }) => /Conv|Add/.test(opType))
        .map(({ domain, opType }) => `${domain} ${opType}`.trim());
    expect(convolution(24, 16, 3)).toEqual(['com.microsoft.nchwc Conv']);
    for (const other of [convolution(24, 12, 3), convolution(20, 16, 3), convolution(24, 16, 1)]) {
      expect(other).toEqual(['Conv']);
    }
    expect(convolution(32, 16, 3, 2)).toEqual(['Conv']);
    const weight = constant(normals({ seed: 0, purpose: 'weight' }, 16 * 16 * 9), [16, 16, 3, 3]);
    const frozen = program('frozen', { inputs: { x: [1, 16, 8, 8] } }, ({ x }) => ({
      outputs: { y: conv2d(x, weight) },
    }));
    expect(convolutions(frozen)).toEqual(['Conv']);
    const adjoint = program('adjoint', { inputs: { x: [1, 16, 8, 8], w: [16, 16, 3, 3] } }, ({ x, w }) => ({
      outputs: { dx: grad((x) => conv2d(x, w).sum(), [x])[0]! },
    }));
    expect(convolutions(adjoint)).toEqual(['com.microsoft.nchwc Conv']);
    expect(convolutions(adjoint, 32)).toEqual(['Conv']);
  });

  it('sums rows by a product with ones', () => {
    const sums = (rows: number): string[] => {
      const built = program('sums', { inputs: { x: [rows, 16] } }, ({ x }) => ({
        outputs: { rows: x.sum([0], true), columns: x.sum([1], true), all: x.sum() },
      }));
      return operators(built).filter((operator) => operator !== 'Reshape');
    };
    expect(sums(16)).toEqual(['Gemm', 'ReduceSum', 'ReduceSum']);
    // More than 256 terms are summed in stages.
    expect(sums(512)).toEqual(['MatMul', 'Gemm', 'ReduceSum', 'ReduceSum', 'ReduceSum']);
  });

  it('never emits a transposition that changes nothing', () => {
    const x = program('still', { inputs: { x: [2, 3] } }, ({ x }) => ({ outputs: { y: x.transpose([0, 1]).exp() } }));
    expect(operators(x)).toEqual(['Exp']);
  });
});

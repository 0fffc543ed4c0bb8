import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { constant, program, UnsupportedError, type Program } from '@flowmap/tensor';
import { ModelProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { encodeModel } from './encode-model.js';
import { Graph } from './graph.js';
import { scanModel } from './scan-model.js';
import { standardRules } from './lowering/table.js';
import { toOnnx } from './to-onnx.js';

const MiB = 2 ** 20;

describe('encoding', () => {
  it('is that of protocol buffers', () => {
    const graph = new Graph();
    const long = Float32Array.from({ length: 100 }, (_, i) => i / 7);
    const sum = graph.node('Add', ['x', graph.constant(long, { shape: [10, 10], dtype: 'float32' })]);
    graph.output('y', graph.node('com.microsoft.Gelu', [graph.node('Mul', [sum, graph.scalar(-0)])]));
    const specs = { x: { shape: [10, 10], dtype: 'float32' } } as const;
    const proto = graph.finish('encoded', specs, { y: specs.x });
    const bytes = encodeModel(proto, graph.domains);
    const model = fromBinary(ModelProtoSchema, bytes);
    expect(model.graph!.initializer.map(({ rawData }) => rawData.byteLength)).toEqual([400, 4]);
    expect(new Float32Array(model.graph!.initializer[0]!.rawData.slice().buffer)).toEqual(long);
    const { irVersion, producerName, opsetImport } = model;
    const whole = create(ModelProtoSchema, { irVersion, producerName, opsetImport, graph: proto });
    expect(model).toEqual(fromBinary(ModelProtoSchema, toBinary(ModelProtoSchema, whole)));
    expect(opsetImport.map(({ domain }) => domain)).toEqual(['', 'com.microsoft']);
  });
});

describe('constants that an ONNX model cannot hold', () => {
  /** A program with `count` constants of 4 MiB that share one array. */
  const holding = (count: number): Program => {
    const built = program('large', { inputs: { x: [1] } }, ({ x }) => ({
      outputs: { y: x.add(constant(new Float32Array(MiB).fill(2, 1), [MiB])) },
    }));
    const node = built.nodes.find((node) => node.is('constant'))!;
    return { ...built, nodes: [...built.nodes, ...new Array<typeof node>(count - 1).fill(node)] };
  };

  it('are refused before anything is made of them, with what to do', () => {
    expect(() => toOnnx(holding(600))).toThrow(/program 'large' with 2.34 GiB of constants.*`frozen: false`/);
    expect(() => toOnnx(holding(600))).toThrow(UnsupportedError);
    expect(() => scanModel(holding(600), standardRules, 2)).toThrow(UnsupportedError);
  });

  it('are those of 2 GiB', () => {
    expect(() => toOnnx(holding(497))).toThrow(/1.94 GiB/);
    expect(toOnnx(holding(20)).byteLength).toBeLessThan(5 * MiB);
  });
});

import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, type HostTensor, type HostTensors, type Tensors } from '@flowmap/tensor';
import { checkDerivatives, evaluate } from '@flowmap/tensor/testing';
import type { TensorProto } from 'onnx-buf';
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { expect } from 'vitest';
import { openOnnx } from '../../open-onnx.js';
import { importOnnx } from '../import-onnx.js';
import { file, node, value, valuesOf, type Attributes, type FileParts } from './graphs.js';

const reference = referenceRuntime();

/** Numbers without a pattern, none of them near 0 or equal to another. */
export function uneven(shape: readonly number[], scale = 1, shift = 0): HostTensor {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const numbers = Float32Array.from({ length: size }, (_, i) => shift + scale * Math.sin(1.7 * i + 0.3 + (i % 5)) + 0.013);
  return hostTensor(shape, numbers);
}

export function integers(...values: number[]): HostTensor {
  return hostTensor([values.length], Int32Array.from(values));
}

/** A node of one operator, and what it reads. */
export interface Case {
  /** Inputs by name, in the order of the operands. */
  readonly inputs: HostTensors;
  /** Tensors of the file, operands after the inputs. */
  readonly tensors?: readonly TensorProto[];
  /** The operands in another order, '' where one is left out. */
  readonly reads?: readonly string[];
  readonly attributes?: Attributes;
  readonly opset?: number;
  readonly outputs?: number;
  /** Element type of the outputs; float32 unless given. */
  readonly type?: DataType;
  /** False where derivatives are zero, or not defined. */
  readonly smooth?: boolean;
}

/** The file of a case. */
export function fileOf(operator: string, { inputs, tensors = [], reads, attributes, opset = 17, ...rest }: Case): FileParts {
  const operands = reads ?? [...Object.keys(inputs), ...tensors.map(({ name }) => name)];
  const results = Array.from({ length: rest.outputs ?? 1 }, (_, i) => `y${i}`);
  return {
    nodes: [node(operator, [...operands], results, attributes)],
    inputs: valuesOf(inputs),
    outputs: results.map((name) => value(name, rest.type ?? DataType.FLOAT)),
    tensors: [...tensors],
    opset,
  };
}

/**
 * Runs a file in onnxruntime and as it is imported, and expects equal results; then compares the derivatives of its
 * first output with respect to all floats with central differences, in forward and reverse mode.
 */
export async function compare(parts: FileParts, inputs: HostTensors, smooth = true): Promise<void> {
  const bytes = file(parts);
  const original = await openOnnx(bytes, { device: 'cpu', threads: 1 });
  const wanted = await original(inputs);
  await original.dispose();
  const network = importOnnx(bytes, { trained: () => false });
  const names = Object.keys(inputs);
  const apply = (...tensors: Tensors[string][]): Tensors =>
    network.apply({}, Object.fromEntries(names.map((name, i) => [name, tensors[i]!])));
  const got = await evaluate(reference, apply, Object.values(inputs));
  for (const [name, { shape, data }] of Object.entries(wanted)) {
    expect(got[name]!.shape, name).toEqual(shape);
    const size = Math.max(1, ...Array.from(data, Math.abs).filter(Number.isFinite));
    data.forEach((number, i) => {
      const own = got[name]!.data[i]!;
      // Results of a few operations on numbers of this size, in float32.
      if (Number.isFinite(number)) expect(Math.abs(own - number), `${name}[${i}]: ${own} for ${number}`).toBeLessThan(1e-5 * size);
      else expect(own).toBe(number);
    });
  }
  const [first] = Object.keys(network.outputs);
  const hasFloats = Object.values(inputs).some(({ dtype }) => dtype === 'float32');
  if (smooth && hasFloats && got[first!]!.dtype === 'float32') {
    await checkDerivatives((...xs) => apply(...xs)[first!]!, Object.values(inputs), { runtime: reference, tolerance: 1e-6 });
  }
}

export async function compareCase(operator: string, given: Case): Promise<void> {
  await compare(fileOf(operator, given), given.inputs, given.smooth);
}

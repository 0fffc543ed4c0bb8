import { bind, type Primitive, type Program, type Tensor, type Tensors, type TensorSpec } from '@flowmap/tensor';

/** Primitives whose results are numbers they were given, possibly with the sign changed. */
const exact: ReadonlySet<Primitive> = new Set([
  'neg',
  'abs',
  'sign',
  'maximum',
  'minimum',
  'select',
  'identity',
  'stopGradient',
  'reshape',
  'transpose',
  'broadcastTo',
  'slice',
  'pad',
  'concat',
  'flip',
  'gather',
  'reduceMax',
  'upsample2d',
]);

/**
 * The same program without arithmetic in bfloat16, for which onnxruntime has no kernels on the CPU and no arrays in
 * JavaScript: such tensors, including inputs, states and outputs, are float32, and every result is rounded by a cast to
 * bfloat16 and back.
 */
export function withoutBfloat16(program: Program): Program {
  if (!program.nodes.some(({ dtype }) => dtype === 'bfloat16')) return program;
  const replaced = new Map<Tensor, Tensor>();
  for (const node of program.nodes) {
    replaced.set(
      node,
      replacement(
        node,
        node.operands.map((operand) => replaced.get(operand)!),
      ),
    );
  }
  const tensors = (named: Tensors): Tensors =>
    Object.fromEntries(Object.entries(named).map(([name, tensor]) => [name, replaced.get(tensor)!]));
  const specs = (named: Program['inputs']): Program['inputs'] =>
    Object.fromEntries(Object.entries(named).map(([name, spec]) => [name, widened(spec)]));
  return {
    name: program.name,
    inputs: specs(program.inputs),
    state: specs(program.state),
    outputs: tensors(program.outputs),
    updates: tensors(program.updates),
    nodes: [...replaced.values()],
  };
}

function replacement(node: Tensor, operands: readonly Tensor[]): Tensor {
  const was = node.operands[0]?.dtype;
  if (node.is('input') || node.is('constant')) {
    return bind<'input' | 'constant'>(node.primitive, [], { ...node.attributes, ...widened(node) });
  }
  if (node.is('cast') && was === 'bfloat16') {
    return node.dtype === 'bfloat16' || node.dtype === 'float32' ? operands[0]! : operands[0]!.cast(node.dtype);
  }
  if (node.is('cast') && node.dtype === 'bfloat16') return operands[0]!.cast('bfloat16').cast('float32');
  const result = bind(node.primitive, operands, node.attributes);
  return node.dtype !== 'bfloat16' || exact.has(node.primitive) ? result : result.cast('bfloat16').cast('float32');
}

function widened({ shape, dtype }: TensorSpec): TensorSpec {
  return { shape, dtype: dtype === 'bfloat16' ? 'float32' : dtype };
}

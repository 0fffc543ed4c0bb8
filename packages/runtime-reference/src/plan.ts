import type { Program, Tensor } from '@flowmap/tensor';
import type { Kernel } from './kernels/kernel.js';
import { kernelOf, type Leaf } from './kernels/table.js';
import { allocate, type Values } from './values.js';

/** One kernel call: the values it reads and the one it writes. */
interface Step {
  readonly kernel: Kernel;
  readonly operands: readonly number[];
  readonly result: number;
}

/** A program ready to run: memory is allocated once and shared by tensors that are never needed at the same time. */
export interface Plan {
  readonly steps: readonly Step[];
  /** The memory of each node; those of inputs are empty until a run sets them. */
  readonly values: Values[];
  /** Position of a node in `values`. */
  readonly indexOf: ReadonlyMap<Tensor, number>;
}

/** Orders the kernels and assigns memory. */
export function planOf({ nodes, outputs, updates }: Program): Plan {
  const indexOf = new Map(nodes.map((node, index) => [node, index]));
  const lastUse = new Map<Tensor, number>();
  nodes.forEach((node, index) => node.operands.forEach((operand) => lastUse.set(operand, index)));
  for (const result of [...Object.values(outputs), ...Object.values(updates)]) lastUse.set(result, nodes.length);

  const free = new Map<string, Values[]>();
  const poolOf = ({ dtype, size }: Tensor): Values[] => {
    const key = `${dtype} ${String(size)}`;
    const pool = free.get(key) ?? [];
    free.set(key, pool);
    return pool;
  };
  const steps: Step[] = [];
  const values: Values[] = [];
  nodes.forEach((node, index) => {
    if (node.is('constant')) {
      values.push(constantValues(node));
    } else if (node.is('input')) {
      values.push(allocate(node.dtype, 0));
    } else {
      values.push(poolOf(node).pop() ?? allocate(node.dtype, node.size));
      const kernel = kernelOf(node as Tensor<Exclude<Tensor['primitive'], Leaf>>);
      steps.push({ kernel, operands: node.operands.map((operand) => indexOf.get(operand)!), result: index });
      for (const operand of new Set(node.operands)) {
        const computed = !operand.is('constant') && !operand.is('input');
        if (computed && lastUse.get(operand) === index) poolOf(operand).push(values[indexOf.get(operand)!]!);
      }
    }
  });
  return { steps, values, indexOf };
}

function constantValues({ attributes: { data }, dtype, size }: Tensor<'constant'>): Values {
  const values = allocate(dtype, size);
  if (data.length === 1) values.fill(data[0]!);
  else values.set(data);
  return values;
}

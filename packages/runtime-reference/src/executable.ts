import type { CompiledProgram, DeviceTensor, Program } from '@flowmap/tensor';
import type { DeviceTensors } from './device-tensors.js';
import { planOf, type Plan } from './plan.js';
import type { Values } from './values.js';

export function compiled(program: Program, tensors: DeviceTensors): CompiledProgram<Values> {
  const leaves = program.nodes.flatMap((node) => (node.is('input') ? [{ node, name: node.attributes.name }] : []));
  let plan: Plan | undefined = planOf(program);

  return {
    run(feeds, stateOf) {
      const { steps, values, indexOf } = plan!;
      for (const { node, name } of leaves) {
        const feed = feeds[name];
        values[indexOf.get(node)!] = feed === undefined ? stateOf(name) : tensors.valuesOf(program, name, feed);
      }
      for (const { kernel, operands, result } of steps) {
        const inputs = operands.map((i) => values[i]!);
        kernel(inputs, values[result]!);
      }

      const copyOf = (index: number): Values => values[index]!.slice();
      const outputs = Object.entries(program.outputs).map(([name, node]): [string, DeviceTensor] => {
        const label = `output '${name}' of program '${program.name}'`;
        return [name, tensors.make(node, copyOf(indexOf.get(node)!), label)];
      });
      const updates = Object.entries(program.updates).map(
        ([name, node]) => [name, copyOf(indexOf.get(node)!)] as const,
      );
      return { outputs: Object.fromEntries(outputs), updates: Object.fromEntries(updates) };
    },
    dispose: () => (plan = undefined),
  };
}

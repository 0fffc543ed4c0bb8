import {
  checkFeeds,
  checkStateWritten,
  DisposedError,
  type DeviceTensor,
  type Executable,
  type HostTensor,
  type Program,
} from '@flowmap/tensor';
import { promised, toHost, toValues, type DeviceTensors } from './device-tensors.js';
import { planOf, type Plan } from './plan.js';
import type { Values } from './values.js';

export function executableOf(program: Program, tensors: DeviceTensors): Executable {
  const state = new Map<string, Values>();
  const leaves = program.nodes.flatMap((node) => (node.is('input') ? [{ node, name: node.attributes.name }] : []));
  let plan: Plan | undefined = planOf(program);

  const live = (): Plan => {
    if (plan === undefined) throw new DisposedError(`program '${program.name}'`);
    return plan;
  };

  return {
    program,

    writeState: (values) =>
      promised(() => {
        live();
        checkFeeds(program, 'state', values);
        for (const [name, value] of Object.entries(values)) state.set(name, toValues(value).slice());
      }),

    readState: (names: readonly string[] = Object.keys(program.state)) =>
      promised(() => {
        live();
        checkStateWritten(program, state, names);
        const read = (name: string): HostTensor => toHost(program.state[name]!, state.get(name)!);
        return Object.fromEntries(names.map((name) => [name, read(name)]));
      }),

    run: (feeds) =>
      promised(() => {
        const { steps, values, indexOf } = live();
        checkFeeds(program, 'input', feeds);
        checkStateWritten(program, state);
        const fed = new Map(Object.entries(feeds).map(([name, feed]) => [name, tensors.valuesOf(program, name, feed)]));
        for (const { node, name } of leaves) values[indexOf.get(node)!] = (state.get(name) ?? fed.get(name))!;
        for (const { kernel, operands, result } of steps)
          kernel(
            operands.map((i) => values[i]!),
            values[result]!,
          );

        const copyOf = (index: number): Values => values[index]!.slice();
        const outputs = Object.entries(program.outputs).map(([name, node]): [string, DeviceTensor] => {
          const what = `output '${name}' of program '${program.name}'`;
          return [name, tensors.make(node, copyOf(indexOf.get(node)!), what)];
        });
        const updates = Object.entries(program.updates).map(
          ([name, node]) => [name, copyOf(indexOf.get(node)!)] as const,
        );
        for (const [name, value] of updates) state.set(name, value);
        return Object.fromEntries(outputs);
      }),

    dispose: () =>
      promised(() => {
        plan = undefined;
        state.clear();
      }),
  };
}

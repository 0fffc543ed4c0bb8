import type { HostTensor } from '../runtime/host-tensor.js';
import { program, type Tensors } from '../program/program.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Tensor } from '../graph/tensor.js';

/**
 * Values of a function of symbolic tensors at given points: builds a program with one input per argument, runs it once
 * and reads the results.
 *
 * @param runtime the runtime to compute with
 * @param f function of one tensor per argument; returns a tensor, a list of tensors, or several by name
 * @param args values of the arguments
 * @returns host tensors, arranged like the result of `f`
 *
 * @example
 * const y = await evaluate(referenceRuntime(), (x) => x.square().sum(), [hostTensor([2], [3, 4])]); // y.data[0] = 25
 */
export async function evaluate(
  runtime: Runtime,
  f: (...args: Tensor[]) => Tensor,
  args: readonly HostTensor[],
): Promise<HostTensor>;
export async function evaluate(
  runtime: Runtime,
  f: (...args: Tensor[]) => readonly Tensor[],
  args: readonly HostTensor[],
): Promise<HostTensor[]>;
export async function evaluate<K extends string>(
  runtime: Runtime,
  f: (...args: Tensor[]) => Readonly<Record<K, Tensor>>,
  args: readonly HostTensor[],
): Promise<Record<K, HostTensor>>;
export async function evaluate(
  runtime: Runtime,
  f: (...args: Tensor[]) => Tensor | readonly Tensor[] | Tensors,
  args: readonly HostTensor[],
): Promise<unknown> {
  const name = (i: number): string => `argument${String(i)}`;
  const named = <T>(values: readonly T[]): Record<string, T> =>
    Object.fromEntries(values.map((value, i) => [name(i), value]));
  let result: Tensor | readonly Tensor[] | Tensors = [];
  const built = program('evaluate', { inputs: named(args) }, (inputs) => {
    result = f(...args.map((_, i) => inputs[name(i)]!));
    return { outputs: outputsOf(result) };
  });
  const executable = await runtime.compile(built);
  const outputs = await executable.run(named(args));
  const values: Record<string, HostTensor> = {};
  for (const [key, tensor] of Object.entries(outputs)) {
    values[key] = await tensor.read();
    tensor.dispose();
  }
  await executable.dispose();
  return arrange(result, values);
}

function outputsOf(result: Tensor | readonly Tensor[] | Tensors): Tensors {
  if (isTensor(result)) return { value: result };
  return isList(result) ? Object.fromEntries(result.map((tensor, i) => [`value${String(i)}`, tensor])) : result;
}

function arrange(result: Tensor | readonly Tensor[] | Tensors, values: Record<string, HostTensor>): unknown {
  if (isTensor(result)) return values['value'];
  return isList(result) ? result.map((_, i) => values[`value${String(i)}`]) : values;
}

function isTensor(result: Tensor | readonly Tensor[] | Tensors): result is Tensor {
  return 'primitive' in result && typeof result.primitive === 'string';
}

function isList(result: readonly Tensor[] | Tensors): result is readonly Tensor[] {
  return Array.isArray(result);
}

import { hostTensor, type HostTensor, type HostTensors } from '../../runtime/host-tensor.js';
import { program, type Program } from '../../program/program.js';
import type { DeviceTensor, Executable, Runtime } from '../../runtime/runtime.js';

/** Returns the runtime under test, which is made when the suite starts. */
export type GetRuntime = () => Runtime;

export const vector = (...values: number[]): HostTensor => hostTensor([values.length], values);
export const scalar = (value: number): HostTensor => hostTensor([], [value]);

/** The values of a result as plain numbers. */
export async function numbers(tensor: DeviceTensor | HostTensor | undefined): Promise<number[]> {
  if (tensor === undefined) throw new Error('the program has no such result');
  return Array.from('data' in tensor ? tensor.data : (await tensor.read()).data);
}

/** A compiled program with its state set. */
export async function started(runtime: GetRuntime, built: Program, state: HostTensors = {}): Promise<Executable> {
  const executable = await runtime().compile(built);
  await executable.writeState(state);
  return executable;
}

/** `total` grows by `x` each run, `last` keeps `x`, `fixed` never changes; `y` is the old total times `fixed`. */
export const accumulator = program(
  'accumulator',
  { inputs: { x: [2] }, state: { total: [2], last: [2], fixed: [] } },
  ({ x }, { total, fixed }) => ({
    outputs: { y: total.mul(fixed), total: total.add(x) },
    state: { total: total.add(x), last: x },
  }),
);
export const initial: HostTensors = { total: vector(0, 1), last: vector(0, 0), fixed: scalar(10) };

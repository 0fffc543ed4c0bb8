import type { Program, Tensor } from '@flowmap/tensor';
import type { Device } from './device.js';
import { emission, type Step, type Value } from './emitter.js';
import { lower, type Rules } from './lowerings/table.js';
import type { TensorInfo } from './tfjs.js';

/** A step, and the slots that nothing reads after it. */
export interface ScheduledStep extends Step {
  readonly last: readonly number[];
}

/** A program as a list of kernel calls over numbered slots. */
export interface Plan {
  readonly slots: number;
  /** Constants on the device, by slot. The plan owns them. */
  readonly constants: ReadonlyMap<number, TensorInfo>;
  /** Slot of each input, and of each state that the program reads, by name. */
  readonly inputs: ReadonlyMap<string, number>;
  readonly steps: readonly ScheduledStep[];
  /** Slot of each output and of each new state, by name. */
  readonly outputs: ReadonlyMap<string, number>;
  readonly updates: ReadonlyMap<string, number>;
}

/**
 * Lowers a program to a back end's kernels and uploads its constants.
 *
 * @param rules how primitives become kernels of the device
 * @throws {UnsupportedError} when the back end lacks a kernel that it needs; nothing remains uploaded then
 */
export function planOf(device: Device, rules: Rules, program: Program): Plan {
  const emit = emission(device);
  const values = new Map<Tensor, Value>();
  const inputs = new Map<string, number>();
  const valueOf = (node: Tensor): Value => {
    if (node.is('input')) return emit.argument(node);
    if (node.is('constant')) return emit.constant(node, node.attributes.data);
    const operands = node.operands.map((operand) => values.get(operand)!);
    return lower(rules, emit, node, operands);
  };
  try {
    for (const node of program.nodes) {
      const value = valueOf(node);
      if (node.is('input')) inputs.set(node.attributes.name, value.slot);
      values.set(node, value);
    }
  } catch (error) {
    for (const info of emit.constants.values()) device.release(info);
    throw error;
  }
  // An input that nothing uses is still accepted, and checked.
  for (const [name, spec] of Object.entries(program.inputs)) {
    if (!inputs.has(name)) inputs.set(name, emit.argument(spec).slot);
  }
  const slotsOf = (tensors: Program['outputs']): Map<string, number> =>
    new Map(Object.entries(tensors).map(([name, node]) => [name, values.get(node)!.slot]));
  const outputs = slotsOf(program.outputs);
  const updates = slotsOf(program.updates);
  const kept = new Set([...outputs.values(), ...updates.values()]);
  return {
    slots: emit.slots(),
    constants: emit.constants,
    inputs,
    steps: schedule(emit.steps, kept),
    outputs,
    updates,
  };
}

/** Records the step after which each slot is no longer read, unless it must be kept. */
function schedule(steps: readonly Step[], kept: ReadonlySet<number>): ScheduledStep[] {
  const seen = new Set(kept);
  const unread = (slots: readonly number[]): number[] => {
    const last = [...new Set(slots)].filter((slot) => !seen.has(slot));
    for (const slot of last) seen.add(slot);
    return last;
  };
  return steps
    .toReversed()
    .map((step) => ({ ...step, last: unread([...step.inputs, step.output]) }))
    .reverse();
}

import {
  FeedError,
  type CompiledProgram,
  type DeviceTensor,
  type HostTensor,
  type Program,
  type StateMemory,
} from '@flowmap/tensor';
import type { Device } from './device.js';
import { deviceFailure } from './device-failure.js';
import { TfjsTensor } from './device-tensor.js';
import type { Plan, ScheduledStep } from './plan.js';
import type { KernelInputs, TensorInfo } from './tfjs.js';

/** The slots of a plan while it runs; each holds one reference of its own. */
type Slots = (TensorInfo | undefined)[];

/** Keeps states on a device. */
export function stateMemory(device: Device): StateMemory<TensorInfo> {
  return {
    write: (tensor) => device.upload(tensor),
    read: (info, spec) => device.download(info, spec),
    release: (info) => device.release(info),
  };
}

/** Runs a plan. */
export function compiled(device: Device, program: Program, plan: Plan): CompiledProgram<TensorInfo> {
  const feedOf = (name: string, feed: HostTensor | DeviceTensor): TensorInfo => {
    if ('data' in feed) return device.upload(feed);
    if (feed instanceof TfjsTensor && feed.device === device) return device.retain(feed.info);
    throw new FeedError(program.name, name, `input '${name}' is a tensor of another runtime; read() it first`);
  };
  const runSteps = (slots: Slots): void => {
    const doing = `running program '${program.name}'`;
    device.check(doing);
    try {
      for (const step of plan.steps) execute(device, step, slots);
    } catch (cause) {
      throw deviceFailure(device.name, doing, cause);
    }
  };

  return {
    run(feeds, stateOf) {
      const slots: Slots = new Array<undefined>(plan.slots).fill(undefined);
      try {
        for (const [slot, info] of plan.constants) slots[slot] = device.retain(info);
        for (const [name, slot] of plan.inputs) {
          const feed = feeds[name];
          slots[slot] = feed === undefined ? device.retain(stateOf(name)) : feedOf(name, feed);
        }
        runSteps(slots);

        const outputs: Record<string, DeviceTensor> = {};
        for (const [name, slot] of plan.outputs) {
          const { shape, dtype } = program.outputs[name]!;
          const label = `output '${name}' of program '${program.name}'`;
          outputs[name] = new TfjsTensor(device, device.retain(slots[slot]!), shape, dtype, label);
        }
        const updates: Record<string, TensorInfo> = {};
        for (const [name, slot] of plan.updates) updates[name] = device.retain(slots[slot]!);
        return { outputs, updates };
      } finally {
        for (const info of slots) if (info !== undefined) device.release(info);
      }
    },
    dispose() {
      for (const info of plan.constants.values()) device.release(info);
    },
  };
}

function execute(
  device: Device,
  { kernel, names, inputs, attributes, output, last }: ScheduledStep,
  slots: Slots,
): void {
  slots[output] = kernel(
    argumentsOf(
      names,
      inputs.map((slot) => slots[slot]!),
    ),
    attributes,
  );
  for (const slot of last) {
    device.release(slots[slot]!);
    slots[slot] = undefined;
  }
}

function argumentsOf(names: readonly string[] | undefined, infos: TensorInfo[]): KernelInputs {
  return names === undefined ? infos : Object.fromEntries(names.map((name, i) => [name, infos[i]!]));
}

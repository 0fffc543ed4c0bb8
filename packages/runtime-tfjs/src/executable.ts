import {
  checkFeeds,
  checkStateWritten,
  DisposedError,
  FeedError,
  type DeviceTensor,
  type Executable,
  type HostTensor,
  type Program,
} from '@flowmap/tensor';
import type { Device } from './device.js';
import { deviceFailure } from './device-failure.js';
import { TfjsTensor } from './device-tensor.js';
import type { Plan, ScheduledStep } from './plan.js';
import type { KernelInputs, TensorInfo } from './tfjs.js';

/** The slots of a plan while it runs; each holds one reference of its own. */
type Slots = (TensorInfo | undefined)[];

/** Runs a plan whose state stays on the device. */
export function executable(device: Device, program: Program, plan: Plan): Executable {
  const state = new Map<string, TensorInfo>();
  let disposed = false;

  const checkLive = (): void => {
    if (disposed) throw new DisposedError(`program '${program.name}'`);
  };
  const setState = (name: string, info: TensorInfo): void => {
    const old = state.get(name);
    state.set(name, info);
    if (old !== undefined) device.release(old);
  };
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
    program,

    writeState: (values) =>
      promised(() => {
        checkLive();
        checkFeeds(program, 'state', values);
        for (const [name, value] of Object.entries(values)) setState(name, device.upload(value));
      }),

    async readState(names = Object.keys(program.state)) {
      checkLive();
      checkStateWritten(program, state, [...names]);
      const copies: Record<string, HostTensor> = {};
      for (const name of names) copies[name] = await device.download(state.get(name)!, program.state[name]!);
      return copies;
    },

    run: (feeds) =>
      promised(() => {
        checkLive();
        checkFeeds(program, 'input', feeds);
        checkStateWritten(program, state);
        const slots: Slots = new Array<undefined>(plan.slots).fill(undefined);
        try {
          for (const [slot, info] of plan.constants) slots[slot] = device.retain(info);
          for (const [name, slot] of plan.inputs) {
            const held = state.get(name);
            slots[slot] = held === undefined ? feedOf(name, feeds[name]!) : device.retain(held);
          }
          runSteps(slots);

          const outputs: Record<string, DeviceTensor> = {};
          for (const [name, slot] of plan.outputs) {
            const { shape, dtype } = program.outputs[name]!;
            const what = `output '${name}' of program '${program.name}'`;
            outputs[name] = new TfjsTensor(device, device.retain(slots[slot]!), shape, dtype, what);
          }
          for (const [name, slot] of plan.updates) setState(name, device.retain(slots[slot]!));
          return outputs;
        } finally {
          for (const info of slots) if (info !== undefined) device.release(info);
        }
      }),

    dispose: () =>
      promised(() => {
        if (disposed) return;
        disposed = true;
        for (const info of [...state.values(), ...plan.constants.values()]) device.release(info);
        state.clear();
      }),
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

/** Runs a function at once; what it throws becomes a rejection. */
export function promised<T>(f: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(f());
  });
}

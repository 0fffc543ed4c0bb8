import { sizeOf, type HostData, type TensorSpec } from '@flowmap/tensor';
import type { Device, Kernel } from './device.js';
import type { Attributes, TensorInfo } from './tfjs.js';

/** A tensor of a plan: the slot that holds it while the plan runs, and its shape and dtype. */
export interface Value extends TensorSpec {
  readonly slot: number;
}

/** Values that a kernel takes: by the kernel's names for them, or as a list if it takes any number. */
export type Values = Readonly<Record<string, Value>> | readonly Value[];

/** One kernel call of a plan. */
export interface Step {
  readonly kernel: Kernel;
  readonly attributes: Attributes;
  /** The kernel's names for its inputs; undefined if it takes a list. */
  readonly names: readonly string[] | undefined;
  readonly inputs: readonly number[];
  readonly output: number;
}

/** Collects the kernel calls that lowering rules ask for. */
export interface Emitter {
  /**
   * Result of a kernel, which is called once per distinct inputs and attributes; the caller supplies the result's
   * `spec`.
   */
  call(kernel: string, inputs: Values, attributes: Attributes, spec: TensorSpec): Value;
  /** A constant, uploaded once; a single value represents equal elements. */
  constant(spec: TensorSpec, data: HostData): Value;
  /** A slot that is filled before the steps run. */
  argument(spec: TensorSpec): Value;
}

/** An emitter and what it collected: the steps in order, the constants on the device, and the number of slots. */
export interface Emission extends Emitter {
  readonly steps: readonly Step[];
  readonly constants: ReadonlyMap<number, TensorInfo>;
  slots(): number;
}

export function emission(device: Device): Emission {
  const steps: Step[] = [];
  const constants = new Map<number, TensorInfo>();
  const known = new Map<string, Value>();
  let slots = 0;
  const argument = ({ shape, dtype }: TensorSpec): Value => ({ slot: slots++, shape: [...shape], dtype });
  return {
    steps,
    constants,
    slots: () => slots,
    argument,
    constant({ shape, dtype }, data) {
      const value = argument({ shape, dtype });
      const size = sizeOf(shape);
      const full = data.length === size ? data : new Float64Array(size).fill(data[0]!);
      constants.set(value.slot, device.upload({ shape, dtype, data: full }));
      return value;
    },
    call(kernel, inputs, attributes, spec) {
      const list = inputs instanceof Array;
      const slotsOf = (list ? inputs : Object.values(inputs)).map(({ slot }) => slot);
      const key = `${kernel} ${slotsOf.join()} ${JSON.stringify(attributes)}`;
      const made = known.get(key);
      if (made) return made;
      const value = argument(spec);
      const names = list ? undefined : Object.keys(inputs);
      steps.push({ kernel: device.kernel(kernel, spec), attributes, names, inputs: slotsOf, output: value.slot });
      known.set(key, value);
      return value;
    },
  };
}

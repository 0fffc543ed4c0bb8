import {
  DisposedError,
  FeedError,
  isHalf,
  roundTo,
  type DeviceTensor,
  type HostTensor,
  type Program,
  type TensorSpec,
} from '@flowmap/tensor';
import type { Values } from './values.js';

/** The memory behind the device tensors of one runtime; undefined once disposed. */
export interface DeviceTensors {
  make(spec: TensorSpec, values: Values, label: string): DeviceTensor;
  /** The values of an argument of a run, whether on the host or in this runtime. */
  valuesOf(program: Program, name: string, feed: HostTensor | DeviceTensor): Values;
}

export function deviceTensors(): DeviceTensors {
  const memory = new WeakMap<object, { values: Values | undefined; label: string }>();
  return {
    make({ shape, dtype }, values, label) {
      const cell: { values: Values | undefined; label: string } = { values, label };
      const tensor: DeviceTensor = {
        shape,
        dtype,
        read: () => promised(() => toHost({ shape, dtype }, live(cell))),
        dispose: () => (cell.values = undefined),
      };
      memory.set(tensor, cell);
      return tensor;
    },
    valuesOf(program, name, feed) {
      if ('data' in feed) return toValues(feed);
      const cell = memory.get(feed);
      if (!cell)
        throw new FeedError(program.name, name, `input '${name}' is a tensor of another runtime; read() it first`);
      return live(cell);
    },
  };
}

/** The values of a host tensor in this runtime's precision; its own memory if that already has the right type. */
export function toValues({ data, dtype }: HostTensor): Values {
  if (isHalf(dtype)) return Float64Array.from(data, (value) => roundTo(value, dtype));
  return data instanceof Float32Array ? Float64Array.from(data) : data;
}

/** A copy of values for the host. */
export function toHost({ shape, dtype }: TensorSpec, values: Values): HostTensor {
  return { shape, dtype, data: isHalf(dtype) ? Float32Array.from(values) : values.slice() };
}

/** Runs a function immediately; an error it throws becomes a rejection. */
function promised<T>(f: () => T): Promise<T> {
  return new Promise((resolve) => resolve(f()));
}

function live({ values, label }: { values: Values | undefined; label: string }): Values {
  if (values === undefined) throw new DisposedError(label);
  return values;
}

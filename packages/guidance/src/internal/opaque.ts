import { ConfigError, type OpaqueField, type VelocityField } from '@flowmap/core';
import {
  hostTensor,
  program,
  sizeOf,
  type HostTensor,
  type HostTensors,
  type Runtime,
  type Tensors,
} from '@flowmap/tensor';
import type { GuidanceScale } from './scale.js';

/** A field that is only run, from one that is traced: one program for each shape of its inputs. */
export function runnable(
  field: VelocityField | OpaqueField,
  runtime: Runtime | undefined,
  option: string,
): OpaqueField {
  if ('evaluate' in field) return field;
  if (runtime === undefined) {
    throw new ConfigError(option, 'the other velocity can only be run; give a runtime, which this one is run on');
  }
  return {
    async evaluate(x, t, conditions) {
      const told = Object.entries(conditions).map(([name, rows]) => [`conditions.${name}`, rows] as const);
      const inputs: HostTensors = { x, t, ...(Object.fromEntries(told) as HostTensors) };
      const specs = Object.fromEntries(
        Object.entries(inputs).map(([name, { shape, dtype }]) => [name, { shape, dtype }]),
      );
      const state = Object.fromEntries(
        Object.entries(field.parameters).map(([name, { shape, dtype }]) => [name, { shape, dtype }]),
      );
      const built = program('velocity', { inputs: specs, state }, (given, params) => {
        const known = Object.keys(conditions).map((name) => [name, given[`conditions.${name}`]!]);
        const v = field.velocity(params, {
          x: given['x']!,
          t: given['t']!,
          conditions: Object.fromEntries(known) as Tensors,
        });
        return { outputs: { v } };
      });
      const executable = await runtime.compile(built);
      try {
        await executable.writeState(field.parameters);
        const { v } = await executable.run(inputs);
        return await v!.read();
      } finally {
        await executable.dispose();
      }
    },
  };
}

/** Combines velocities in host memory as `combine` does symbolic ones. */
export function combineValues(
  { scale, interval }: GuidanceScale,
  { strong, weak, t, conditions }: { strong: HostTensor; weak: HostTensor; t: HostTensor; conditions: HostTensors },
): HostTensor {
  const scales = typeof scale === 'string' ? (Object.hasOwn(conditions, scale) ? conditions[scale] : undefined) : scale;
  if (scales === undefined) {
    const got = Object.keys(conditions).join(', ') || 'none';
    throw new ConfigError(
      `conditions.${scale}`,
      `it is the scale of guidance of each sample; got the conditions ${got}`,
    );
  }
  const size = sizeOf(strong.shape.slice(1));
  const excess = (sample: number): number => {
    const time = t.data[sample]!;
    if (interval && (time < interval[0] || time > interval[1])) return 0;
    return (typeof scales === 'number' ? scales : scales.data[sample]!) - 1;
  };
  const values = strong.data.map((v, i) => v + (v - weak.data[i]!) * excess(Math.floor(i / size)));
  return hostTensor(strong.shape, values);
}

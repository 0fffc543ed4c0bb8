import { ConfigError, prefixed, withPrefix, type OpaqueField, type VelocityField } from '@flowmap/core';
import {
  hostTensor,
  program,
  sizeOf,
  type Executable,
  type HostTensor,
  type HostTensors,
  type Runtime,
  type TensorSpec,
} from '@flowmap/tensor';
import type { GuidanceScale } from './scale.js';

/** An opaque field from a traceable one: a program for each shape of its inputs, compiled once and kept. */
export function runnable(
  field: VelocityField | OpaqueField,
  runtime: Runtime | undefined,
  option: string,
): OpaqueField {
  if ('evaluate' in field) return field;
  if (runtime === undefined) {
    throw new ConfigError(option, 'the other velocity can only be run; give a runtime, which this one is run on');
  }
  const compiled = new Map<string, Promise<Executable>>();
  return {
    async evaluate(x, t, conditions) {
      const inputs: HostTensors = { x, t, ...withPrefix('conditions', conditions) };
      const specs = Object.fromEntries(
        Object.entries(inputs).map(([name, { shape, dtype }]) => [name, { shape, dtype }]),
      );
      const key = JSON.stringify(specs);
      const executable = compiled.get(key) ?? compile(field, runtime, specs);
      compiled.set(key, executable);
      const { v } = await (await executable).run(inputs);
      const values = await v!.read();
      v!.dispose();
      return values;
    },
  };
}

async function compile(
  field: VelocityField,
  runtime: Runtime,
  specs: Readonly<Record<string, TensorSpec>>,
): Promise<Executable> {
  const state = Object.fromEntries(
    Object.entries(field.parameters).map(([name, { shape, dtype }]) => [name, { shape, dtype }]),
  );
  const built = program<string, string>('velocity', { inputs: specs, state }, (given, params) => {
    const conditions = prefixed('conditions', given);
    return { outputs: { v: field.velocity(params, { x: given['x']!, t: given['t']!, conditions }) } };
  });
  const executable = await runtime.compile(built);
  await executable.writeState(field.parameters);
  return executable;
}

/** Combines velocities in host memory the way `combine` does symbolic ones. */
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

import type { Objective } from '@flowmap/core';
import {
  constant,
  gradients,
  hostTensor,
  program,
  requireKnownOptions,
  sizeOf,
  type HostTensors,
  type Runtime,
  type Tensors,
} from '@flowmap/tensor';
import { expect } from 'vitest';
import { TOY_AVERAGE, TOY_PARAMETERS, toyBatch, toyLoss, type ToyParameters, type ToySample } from './toy.js';

/** Options of {@link evaluateToy}. */
export interface EvaluateToyOptions {
  /** Whether schedules are the program's inputs or constants in it; inputs unless given. */
  readonly schedules?: 'inputs' | 'constants';
  /**
   * Parameters of the moving average of the student, for an objective that needs one; {@link TOY_AVERAGE} unless given.
   */
  readonly average?: ToyParameters;
}

/** Loss, metrics and gradient of an objective on the toy student. */
export async function evaluateToy(
  runtime: Runtime,
  objective: Objective,
  params: ToyParameters,
  samples: readonly ToySample[],
  schedules: Readonly<Record<string, number>>,
  options: EvaluateToyOptions = {},
): Promise<{ loss: number; gradient: number[] } & Record<string, number | number[]>> {
  requireKnownOptions('evaluateToy', options, { schedules: true, average: true });
  const { schedules: mode = 'inputs', average = TOY_AVERAGE } = options;
  const feeds: HostTensors = {
    ...toyBatch(samples),
    ...prefixed('draws', drawn(objective, samples)),
    ...prefixed('params', scalars({ ...params })),
    ...prefixed('average', scalars({ ...average })),
    ...(mode === 'inputs' ? prefixed('schedules', scalars(schedules)) : {}),
  };
  const specs = Object.fromEntries(Object.entries(feeds).map(([key, { shape }]) => [key, shape]));
  const built = program('toy', { inputs: specs }, (inputs) => {
    const named = (prefix: string, names: readonly string[]): Tensors =>
      Object.fromEntries(names.map((name) => [name, inputs[`${prefix}.${name}`]!]));
    const own = named('params', TOY_PARAMETERS);
    const scheduled: Tensors = Object.fromEntries(
      Object.entries(schedules).map(([key, value]) => [key, inputs[`schedules.${key}`] ?? constant([value], [])]),
    );
    const draws = named('draws', Object.keys(objective.draws ?? {}));
    const context = { schedules: scheduled, draws, average: named('average', TOY_PARAMETERS) };
    const { loss, metrics } = toyLoss(objective, own, inputs, context);
    // The training step logs these itself.
    for (const name of ['loss', 'gradientNorm']) expect(Object.keys(metrics)).not.toContain(name);
    const gradient = Object.entries(gradients(loss, own)).map(([key, value]) => [`gradient.${key}`, value] as const);
    return { outputs: { loss, ...metrics, ...Object.fromEntries(gradient) } };
  });
  const executable = await runtime.compile(built);
  const outputs = await executable.run(feeds);
  const values: Record<string, number> = {};
  for (const [key, tensor] of Object.entries(outputs)) {
    expect(tensor.shape).toEqual([]);
    values[key] = (await tensor.read()).data[0]!;
  }
  await executable.dispose();
  const gradient = TOY_PARAMETERS.map((key) => values[`gradient.${key}`]!);
  const rest = Object.entries(values).filter(([key]) => !key.startsWith('gradient.'));
  return { loss: NaN, ...Object.fromEntries(rest), gradient };
}

/** The samples' own draws, or else what the objective draws for that many samples. */
function drawn(objective: Objective, samples: readonly ToySample[]): HostTensors {
  const shapes = objective.draws ?? {};
  const count = samples.length;
  const drawn = objective.draw({ seed: 0, step: 0, iterations: 100 }, count);
  const values = Object.entries(shapes).map(([name, shape]) => {
    const size = sizeOf(shape);
    const row = (sample: ToySample, i: number): readonly number[] =>
      sample.draws?.[name] ?? [...drawn[name]!.slice(i * size, (i + 1) * size)];
    return [name, hostTensor([count, ...shape], Float64Array.from(samples.flatMap(row)))] as const;
  });
  return Object.fromEntries(values);
}

function scalars(values: Readonly<Record<string, number>>): HostTensors {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, hostTensor([], Float64Array.of(value))]),
  );
}

function prefixed(prefix: string, values: HostTensors): HostTensors {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [`${prefix}.${key}`, value]));
}

import {
  hostTensor,
  hostZeros,
  program,
  type HostTensor,
  type Runtime,
  type SpecLike,
  type Tensor,
} from '@flowmap/tensor';
import { expect } from 'vitest';
import type { Optimizer } from '../training/types.js';

/** An optimizer applied to its own set of parameters: one program, traced once, that makes a step. */
export interface Updater {
  /** Makes a step along gradients, one for each parameter. */
  step(gradients: readonly HostTensor[], learningRate: number, step: number): Promise<void>;
  /** Values of the parameters. */
  parameters(): Promise<HostTensor[]>;
  /** Values of the slots, in the order of their names: those of the first parameter, then of the next, and so on. */
  slots(): Promise<HostTensor[]>;
  dispose(): Promise<void>;
}

/**
 * Traces an optimizer's update of some parameters; their slots start at zero.
 *
 * @param starts values of the parameters
 */
export async function updaterOf(
  runtime: Runtime,
  optimizer: Optimizer,
  starts: readonly HostTensor[],
): Promise<Updater> {
  const { slots } = optimizer;
  // The suite uses its own names, so that a badly named slot fails only one check.
  const parameter = (i: number): string => `parameter${String(i)}`;
  const gradient = (i: number): string => `gradient${String(i)}`;
  const slot = (i: number, j: number): string => `slot${String(i)}_${String(j)}`;
  const scalar = (name: string): string => `scalar.${name}`;
  const scalarNames = Object.keys(optimizer.scalars(0.1, 0));
  const slotNames = starts.flatMap((_, i) => slots.map((_, j) => slot(i, j)));

  const inputs: Record<string, SpecLike> = Object.fromEntries([
    ...starts.map(({ shape }, i) => [gradient(i), shape] as const),
    ...scalarNames.map((name) => [scalar(name), []] as const),
  ]);
  const state: Record<string, SpecLike> = Object.fromEntries(
    starts.flatMap(({ shape }, i) => [parameter(i), ...slots.map((_, j) => slot(i, j))].map((name) => [name, shape])),
  );
  const built = program(optimizer.name, { inputs, state }, (given, held) => {
    const scalars = Object.fromEntries(scalarNames.map((name) => [name, given[scalar(name)]!]));
    const updates: Record<string, Tensor> = {};
    starts.forEach(({ shape }, i) => {
      const own = Object.fromEntries(slots.map((name, j) => [name, held[slot(i, j)]!]));
      const updated = optimizer.update({ parameter: held[parameter(i)]!, slots: own }, given[gradient(i)]!, scalars);
      expect(Object.keys(updated.slots).sort(), 'slots of an update').toEqual([...slots].sort());
      expect(updated.parameter.shape, 'shape of the updated parameter').toEqual(shape);
      updates[parameter(i)] = updated.parameter;
      slots.forEach((name, j) => {
        expect(updated.slots[name]!.shape, `shape of slot ${name}`).toEqual(shape);
        updates[slot(i, j)] = updated.slots[name]!;
      });
    });
    return { outputs: {}, state: updates };
  });

  const executable = await runtime.compile(built);
  const zeros = starts.flatMap(({ shape }, i) =>
    slots.map((_, j) => [slot(i, j), hostZeros({ shape, dtype: 'float32' })] as const),
  );
  await executable.writeState({
    ...Object.fromEntries(starts.map((start, i) => [parameter(i), start])),
    ...Object.fromEntries(zeros),
  });
  const read = async (names: readonly string[]): Promise<HostTensor[]> => {
    if (names.length === 0) return [];
    const values = await executable.readState(names);
    return names.map((name) => values[name]!);
  };
  return {
    async step(gradients, learningRate, step) {
      const scalars = optimizer.scalars(learningRate, step);
      await executable.run({
        ...Object.fromEntries(gradients.map((value, i) => [gradient(i), value])),
        ...Object.fromEntries(
          Object.entries(scalars).map(([name, value]) => [scalar(name), hostTensor([], Float64Array.of(value))]),
        ),
      });
    },
    parameters: () => read(starts.map((_, i) => parameter(i))),
    slots: () => read(slotNames),
    dispose: () => executable.dispose(),
  };
}

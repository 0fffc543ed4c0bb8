import { concat } from '../library/functions.js';
import type { TensorSpec } from '../graph/dtype.js';
import { program, type Program, type Signature, type Tensors } from './program.js';
import { substitute } from './substitute.js';
import type { Tensor } from '../graph/tensor.js';
import { requireWhole } from '../whole.js';

/**
 * The program that takes several steps of another in a row: each step updates the state for the next.
 *
 * @param steps whole number >= 1; 1 is the program itself
 * @returns a program of the same name, with the same state, whose inputs and outputs have a leading axis of `steps`,
 *   one row for each step. Its values are those of as many runs, up to rounding, which sharing between steps may change
 * @throws {ConfigError} for an invalid number of steps
 *
 * @example
 * const count = program('count', { inputs: { x: [] }, state: { n: [] } }, ({ x }, { n }) => ({ outputs: { n }, state: { n: n.add(x) } }));
 * unroll(count, 3).inputs; // { x: { shape: [3], dtype: 'float32' } }
 */
export function unroll(step: Program, steps: number): Program {
  const { name, inputs, state } = unrolledSignature(step, steps);
  if (steps === 1) return step;
  return program(name, { inputs, state }, (inputs, state) => {
    const rows: Record<string, Tensor[]> = {};
    let current: Tensors = state;
    for (let i = 0; i < steps; i++) {
      const given: Tensors = { ...rowsOf(inputs, i), ...current };
      const values = substitute(step, (name) => given[name]);
      for (const [name, output] of Object.entries(step.outputs)) {
        const value = values.get(output)!;
        (rows[name] ??= []).push(value.reshape([1, ...value.shape]));
      }
      const updated = Object.entries(step.updates).map(([name, next]) => [name, values.get(next)!] as const);
      current = { ...current, ...Object.fromEntries(updated) };
    }
    const outputs = Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, concat(row, 0)]));
    const changed = Object.keys(step.updates).map((name) => [name, current[name]!] as const);
    return { outputs, state: Object.fromEntries(changed) };
  });
}

/**
 * Inputs, state and outputs of {@link unroll}, for a runtime that repeats a step in some other way.
 *
 * @throws {ConfigError} for an invalid number of steps
 */
export function unrolledSignature(step: Signature, steps: number): Signature {
  requireWhole('stepsPerRun', steps);
  if (steps === 1) return step;
  return { ...step, inputs: stacked(step.inputs, steps), outputs: stacked(step.outputs, steps) };
}

/** Specs for `count` tensors each, stacked along a new leading axis. */
function stacked(specs: Readonly<Record<string, TensorSpec>>, count: number): Record<string, TensorSpec> {
  return Object.fromEntries(
    Object.entries(specs).map(([name, { shape, dtype }]) => [name, { shape: [count, ...shape], dtype }]),
  );
}

function rowsOf(stacked: Tensors, i: number): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(stacked).map(([name, value]) => {
      const [, ...shape] = value.shape;
      const row = value.slice([i, ...shape.map(() => 0)], [i + 1, ...shape]);
      return [name, row.reshape(shape)];
    }),
  );
}

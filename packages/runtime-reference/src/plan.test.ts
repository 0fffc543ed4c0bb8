import { hostTensor, program } from '@flowmap/tensor';
import { describe, expect, it } from 'vitest';
import { planOf } from './plan.js';
import { referenceRuntime } from './reference-runtime.js';

describe('memory', () => {
  it('of a chain is two buffers, however long it is', () => {
    const chain = program('chain', { inputs: { x: [100] } }, ({ x }) => {
      let y = x;
      for (let i = 0; i < 50; i++) y = y.sin();
      return { outputs: { y } };
    });
    const { values, steps } = planOf(chain);
    expect(steps).toHaveLength(50);
    const buffers = new Set(values.filter(({ length }) => length === 100));
    expect(buffers.size).toBe(2);
  });

  it('is never written while it is still to be read', () => {
    const built = program('diamonds', { inputs: { x: [4] } }, ({ x }) => {
      let y = x.exp();
      const early = y.sin();
      for (let i = 0; i < 6; i++) y = y.sin().add(y.cos().mul(y));
      return { outputs: { y: y.add(early), early } };
    });
    const { steps, values, indexOf } = planOf(built);
    const lastReader = new Map<number, number>();
    steps.forEach(({ operands }, i) => operands.forEach((operand) => lastReader.set(operand, i)));
    for (const result of Object.values(built.outputs)) lastReader.set(indexOf.get(result)!, steps.length);
    steps.forEach(({ result }, i) => {
      steps.slice(0, i).forEach((earlier) => {
        const inUse = (lastReader.get(earlier.result) ?? -1) >= i;
        if (inUse) expect(values[result]).not.toBe(values[earlier.result]);
      });
    });
  });
});

it('float32 is computed in double precision', async () => {
  const built = program('tiny', { inputs: { x: [] } }, ({ x }) => ({ outputs: { y: x.add(1e-12).sub(x) } }));
  const executable = await referenceRuntime().compile(built);
  const { y } = await executable.run({ x: hostTensor([], [1]) });
  expect((await y!.read()).data[0]).toBeCloseTo(1e-12, 15);
});

it('a tensor of another reference runtime is foreign', async () => {
  const built = program('echo', { inputs: { x: [1] } }, ({ x }) => ({ outputs: { y: x } }));
  const [one, two] = [await referenceRuntime().compile(built), await referenceRuntime().compile(built)];
  const { y } = await one.run({ x: hostTensor([1], [1]) });
  await expect(two.run({ x: y! })).rejects.toThrow("input 'x' is a tensor of another runtime; read() it first");
  await expect(one.run({ x: y! })).resolves.toBeDefined();
});

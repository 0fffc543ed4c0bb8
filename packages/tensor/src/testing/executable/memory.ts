import { describe, expect, it } from 'vitest';
import { hostTensor } from '../../runtime/host-tensor.js';
import { program } from '../../program/program.js';
import type { DeviceTensor } from '../../runtime/runtime.js';
import { constant, full } from '../../graph/tensor.js';
import { accumulator, initial, numbers, started, vector, type GetRuntime } from './common.js';

/** What is copied, what is kept, and what may be released when. */
export function describeMemory(runtime: GetRuntime): void {
  describe('memory', () => {
    const echo = program('echo', { inputs: { x: [2] } }, ({ x }) => ({
      outputs: { x, again: x, square: x.square(), fixed: constant([1, 2]), everywhere: full(3, [2]), one: full(1) },
    }));

    it('an output may be an input or a constant, once or twice', async () => {
      const executable = await started(runtime, echo);
      const outputs = await executable.run({ x: vector(3, 4) });
      expect(Object.keys(outputs).sort()).toEqual(['again', 'everywhere', 'fixed', 'one', 'square', 'x']);
      expect(await numbers(outputs['x'])).toEqual([3, 4]);
      outputs['x']!.dispose();
      expect(await numbers(outputs['again'])).toEqual([3, 4]);
      expect(await numbers(outputs['square'])).toEqual([9, 16]);
      expect(await numbers(outputs['everywhere'])).toEqual([3, 3]);
      expect(await numbers(outputs['one'])).toEqual([1]);
      for (const tensor of Object.values(outputs)) tensor.dispose();
      // Disposing of a result that is a constant leaves the program whole.
      expect(await numbers((await executable.run({ x: vector(0, 0) }))['fixed'])).toEqual([1, 2]);
      await executable.dispose();
    });

    it('results stay what they were while later runs go on, and after the executable is gone', async () => {
      const executable = await started(runtime, accumulator, initial);
      const results: DeviceTensor[] = [];
      for (let i = 1; i <= 3; i++) results.push((await executable.run({ x: vector(i, i) }))['total']!);
      await executable.dispose();
      expect(await Promise.all(results.map(numbers))).toEqual([
        [1, 2],
        [3, 4],
        [6, 7],
      ]);
    });

    it('state survives the disposal of a result that equals it', async () => {
      const executable = await started(runtime, accumulator, initial);
      for (const tensor of Object.values(await executable.run({ x: vector(1, 1) }))) tensor.dispose();
      expect(await numbers((await executable.run({ x: vector(0, 0) }))['total'])).toEqual([1, 2]);
      await executable.dispose();
    });

    it('what is written, fed or read is a copy', async () => {
      const executable = await started(runtime, accumulator);
      const total = new Float32Array([1, 2]);
      const fixed = new Float64Array([2]);
      await executable.writeState({
        ...initial,
        total: hostTensor([2], total),
        fixed: hostTensor([], fixed),
      });
      total.fill(99);
      fixed.fill(99);
      const x = new Float32Array([1, 1]);
      const outputs = await executable.run({ x: hostTensor([2], x) });
      x.fill(99);
      expect(await numbers(outputs['y'])).toEqual([2, 4]);
      const state = await executable.readState();
      expect(await numbers(state['last'])).toEqual([1, 1]);
      state['total']!.data.fill(99);
      state['last']!.data.fill(99);
      (await outputs['total']!.read()).data.fill(99);
      expect(await numbers(outputs['total'])).toEqual([2, 3]);
      const again = await executable.readState(['total', 'last']);
      expect(await numbers(again['total'])).toEqual([2, 3]);
      expect(await numbers(again['last'])).toEqual([1, 1]);

      const echoed = await started(runtime, echo);
      const fed = new Float32Array([5, 6]);
      const { again: kept } = await echoed.run({ x: hostTensor([2], fed) });
      fed.fill(99);
      expect(await numbers(kept)).toEqual([5, 6]);
      await echoed.dispose();
      await executable.dispose();
    });

    it('a result can be fed back, to its own program and to others', async () => {
      const twice = await started(
        runtime,
        program('twice', { inputs: { x: [2] } }, ({ x }) => ({ outputs: { y: x.add(x) } })),
      );
      let { y } = await twice.run({ x: vector(1, -1) });
      for (let i = 0; i < 3; i++) {
        const next = await twice.run({ x: y! });
        y!.dispose();
        ({ y } = next);
      }
      const executable = await started(runtime, accumulator, initial);
      await executable.run({ x: y! });
      expect(await numbers(y)).toEqual([16, -16]);
      y!.dispose();
      expect(await numbers((await executable.readState())['last'])).toEqual([16, -16]);
      await twice.dispose();
      await executable.dispose();
    });
  });
}
